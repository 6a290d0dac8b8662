"""Folder of stored states, and the key of the sealed one."""

from pathlib import Path

HERE = Path(__file__).parent

KEY = b"5f" * 16
"""Of the sealed state."""
