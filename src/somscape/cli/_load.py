"""A saved detector, for commands that score."""

from somscape.errors import InputError
from somscape.outliers import Detector
from somscape.save import load


def load_detector(path: str) -> Detector:
    """Load a detector, or say that the file holds a map alone.

    Parameters
    ----------
    path : str

    Returns
    -------
    Detector

    Raises
    ------
    InputError
        For a map without a detector, and as `load`.
    """
    thing = load(path)
    if not isinstance(thing, Detector):
        raise InputError(
            f"{path} is a map without a detector, so it cannot score rows. Give the map.som of a "
            "`somscape detect`, or what a SOMDetector saved."
        )
    return thing
