"""From rows with known classes or numbers to a map that predicts classes or numbers of new rows."""

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
