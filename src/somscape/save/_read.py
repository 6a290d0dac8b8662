"""Maps of any supported program, by the ending of the file."""

from collections.abc import Callable
from pathlib import Path

from somscape.records import Record, read_record
from somscape.save._esom import read_wts
from somscape.save._minisom import read_minisom
from somscape.save._som_pak import read_cod

READERS: dict[str, Callable[[str | Path], Record]] = {
    ".cod": read_cod,
    ".wts": read_wts,
    **dict.fromkeys((".p", ".pkl", ".pickle"), read_minisom),
}


def read_map(path: str | Path) -> Record:
    """Read a map of somscape or of another program, by the ending of its name.

    Parameters
    ----------
    path : str or Path
        Ends in ``.cod``, ``.wts``, ``.p``, ``.pkl`` or ``.pickle``; any other file is read as
        somscape's own.

    Returns
    -------
    Record

    Raises
    ------
    MapFileError, InputError
        As for `read_record` and the readers of the other formats.
    """
    return READERS.get(Path(path).suffix.lower(), read_record)(path)
