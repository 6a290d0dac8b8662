"""A watch's detector as the bytes that a state keeps, and back."""

import tempfile
from pathlib import Path

from somscape.errors import InputError
from somscape.outliers import Detector
from somscape.save import load


def bytes_of(detector: Detector) -> bytes:
    """Return the file of a detector, the same bytes as `Detector.save` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.som"
        detector.save(path)
        return path.read_bytes()


def detector_of(content: bytes) -> Detector:
    """Return the detector of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.som"
        path.write_bytes(content)
        thing = load(path)
    if not isinstance(thing, Detector):
        raise InputError("the map of this watch ranks no rows; train it anew by `somscape detect`.")
    return thing
