"""Where a state lies, and who asks, if nobody says so."""

import getpass
import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """Return the user's folder for what somscape keeps from run to run."""
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Application Support"
    else:
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "somscape"


def user_of_computer() -> str:
    """Return what the computer calls its user."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # as in a container
        return "unknown"
