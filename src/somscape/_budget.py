"""How much memory the reader of a file may take: ten times the size of the file."""

from somscape.errors import InputError

TIMES = 10
"""Memory that reading may take, in sizes of the file, unpacked if it is packed."""

FLOOR = 65_536
"""Bytes that reading may take in addition, so that small files are not measured by the byte."""


class Budget:
    """The memory that reading one file may still take.

    Python's objects are large beside the text they come from: a list costs 64 bytes and may take
    one byte in a file.  Readers pay for objects before they make them.  So no file, whatever it
    claims or repeats, makes them take more than ten times its size.

    Parameters
    ----------
    source : str
        Name of the file, for messages.
    size : int
        Size of the file in bytes, which count as taken.
    """

    def __init__(self, source: str, size: int) -> None:
        self.source = source
        self.size = size
        self._left = (TIMES - 1) * size + FLOOR

    def has(self, n_bytes: int) -> bool:
        """Return whether that many bytes are left."""
        return n_bytes <= self._left

    def check(self, n_bytes: int, what: str) -> None:
        """Raise InputError unless that many bytes, needed for a moment, are left."""
        if n_bytes > self._left:
            raise InputError(
                f"{self.source}: {what} would take more memory than {TIMES} times the file's "
                f"{self.size} bytes. The file may be corrupt or have the wrong ending; check it."
            )

    def take(self, n_bytes: int, what: str) -> None:
        """Count bytes that are kept, or raise InputError."""
        self.check(n_bytes, what)
        self._left -= n_bytes
