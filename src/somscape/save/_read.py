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

    See Also
    --------
    somscape.load : Makes it a map at once.

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cod(f"{folder}/map.cod", som)
    ...     found = save.read_map(f"{folder}/map.cod")
    >>> found.arrays["codebook"].shape
    (2, 2)
    """
    return READERS.get(Path(path).suffix.lower(), read_record)(path)
