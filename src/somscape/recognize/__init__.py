"""Maps that learn from known classes or numbers of rows and predict them for new rows."""

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
    "ClassChange",
    "ClassReason",
    "ClassReasons",
    "OtherClass",
    "Predictor",
    "Recognizer",
    "UnitReason",
]
