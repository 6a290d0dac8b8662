"""From rows with known classes or numbers to a map that names or predicts those of new ones."""

from somscape.recognize._answering import Answering
from somscape.recognize._other_class import ClassChange, OtherClass
from somscape.recognize._predictor import Predictor
from somscape.recognize._recognizer import Recognizer, recognizer_in
from somscape.recognize._train import Recognition, train_recognizer
from somscape.recognize._train_predictor import Prediction, train_predictor
from somscape.recognize._why import ClassReason, ClassReasons, UnitReason

__all__ = [
    "Answering",
    "ClassChange",
    "ClassReason",
    "ClassReasons",
    "OtherClass",
    "Prediction",
    "Predictor",
    "Recognition",
    "Recognizer",
    "UnitReason",
    "recognizer_in",
    "train_predictor",
    "train_recognizer",
]
