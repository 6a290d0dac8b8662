"""Maps that predict a class or a number for a row, after training on rows with known values."""

from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import (
    ClassChange,
    ClassReason,
    ClassReasons,
    OtherClass,
    Recognizer,
    UnitReason,
)

__all__ = [
    "ClassChange", "ClassReason", "ClassReasons", "OtherClass", "Predictor", "Recognizer",
    "UnitReason",
]  # fmt: skip
