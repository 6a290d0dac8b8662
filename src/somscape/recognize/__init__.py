"""From rows with known classes or numbers to a map that names or predicts those of new ones."""

from somscape.recognize._answering import Answering
from somscape.recognize._as_answering import answering_in, recognizer_in
from somscape.recognize._class_reasons import ClassReason, ClassReasons, UnitReason
from somscape.recognize._other_class import ClassChange, OtherClass
from somscape.recognize._predictor import COVERAGE, Predictor
from somscape.recognize._recognizer import Recognizer
from somscape.recognize._spelled import classes_of_cells
from somscape.recognize._train import Recognition, train_recognizer
from somscape.recognize._train_predictor import Prediction, train_predictor

__all__ = [
    "COVERAGE",
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
    "answering_in",
    "classes_of_cells",
    "recognizer_in",
    "train_predictor",
    "train_recognizer",
]
