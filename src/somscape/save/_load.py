"""Load a map or model from a file of any supported program."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from somscape.errors import InputError, MapFileError
from somscape.maps.map import Map
from somscape.maps.record import CLASSES, ESTIMATOR, TARGETS, Record, read_record
from somscape.outliers.detector import Detector
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer
from somscape.save._minisom import read_minisom
from somscape.save.codebooks import read_cod, read_wts

if TYPE_CHECKING:
    from somscape.estimators import (
        SOM,
        SOMClassifier,
        SOMClusterer,
        SOMDetector,
        SOMImputer,
        SOMRegressor,
    )

    Estimator: TypeAlias = (
        SOM | SOMClassifier | SOMClusterer | SOMDetector | SOMImputer | SOMRegressor
    )

READERS: dict[str, Callable[[str | Path], Map]] = {
    ".cod": read_cod,
    ".wts": read_wts,
    **dict.fromkeys((".p", ".pkl", ".pickle"), read_minisom),
}


Saved: TypeAlias = Map | Detector | Recognizer | Predictor

KINDS: dict[str, Callable[[Record], Saved]] = {
    "detector": Detector.from_record,
    CLASSES: Recognizer.from_record,
    TARGETS: Predictor.from_record,
}
"""Function that loads each kind of model, by the name of the model's entry in the file header."""


def load(path: str | Path) -> "Saved | Estimator":
    """Load a saved estimator, map or model, or a map of another program.

    Parameters
    ----------
    path : str or Path
        A file that the `save` method of an estimator, map or model wrote.  Loading does not run
        code from the file.  Files above 64 MB are memory-mapped.  To replace such a file, use
        `save`, or rename another file.  Never write into the file.  The file can also be a codebook
        of SOM_PAK or the SOM Toolbox (.cod) or of ESOM Tools (.wts, read as a torus).  A pickled
        MiniSom (.p, .pkl, .pickle) can also be loaded, without running its pickle.  The module
        `somscape.save` contains functions with more options that read the formats of other
        programs.

    Returns
    -------
    estimator, Map, Detector, Recognizer or Predictor
        The saved object.  An estimator has the saved parameters and computes the same results.
        The `save` method of the estimator names the parameters that its file does not contain.
        `partial_fit` of a loaded `SOM` continues from the hits and prototypes of the map, but a
        loaded `SOMDetector` does not support `partial_fit`.

    Raises
    ------
    MapFileError
        If the file is missing or damaged, or if this version of somscape cannot read the file.
    InputError
        If a file that another program wrote cannot be read.  The message names line and field.

    See Also
    --------
    somscape.save.read_record : Return the contents of a file without making a map.

    Examples
    --------
    >>> import somscape, tempfile, pathlib
    >>> som = somscape.SOM(2, 3, random_state=0).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]] * 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     som.save(pathlib.Path(folder) / "m.som")
    ...     somscape.load(pathlib.Path(folder) / "m.som")
    SOM(n_cols=3, n_rows=2, random_state=0)
    """
    record, model = _read(path)
    if record is None or record.header.get(ESTIMATOR) is None:
        return model
    from somscape import estimators
    from somscape.estimators._saved import estimator_of

    classes = {name: getattr(estimators, name) for name in estimators.__all__}
    try:
        return estimator_of(record, model, classes)
    except InputError as error:
        raise MapFileError(f"{path}: {error}", file=path, parameter=error.parameter) from error


def load_model(path: str | Path) -> Saved:
    """Load the map or model of a file, also from the file of an estimator."""
    return _read(path)[1]


def _read(path: str | Path) -> tuple[Record | None, Saved]:
    """Return the contents of a file (None for files of other programs), and its map or model."""
    if read := READERS.get(Path(path).suffix.lower()):
        return None, read(path)
    record = read_record(path)
    try:
        return record, thing_of(record)
    except InputError as error:
        raise MapFileError(f"{path}: {error}", file=path) from error


def thing_of(record: Record) -> Saved:
    """Return the map or model whose data are in a record."""
    found = [name for name in KINDS if record.header.get(name) is not None]
    if len(found) > 1:
        raise InputError(
            f"the header has both {found[0]!r} and {found[1]!r}. Save the file again.", value=found
        )
    return KINDS[found[0]](record) if found else Map.from_record(record)
