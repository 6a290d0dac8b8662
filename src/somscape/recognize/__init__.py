"""From rows with known classes or numbers to a map that names or predicts those of new ones."""

from somscape.recognize._answering import Answering
from somscape.recognize._as_answering import answering_in
from somscape.recognize._predictor import COVERAGE, Predictor
from somscape.recognize._recognizer import Recognizer
from somscape.recognize._train import Recognition, train_recognizer
from somscape.recognize._train_predictor import Prediction, train_predictor

__all__ = [
    "COVERAGE",
    "Answering",
    "Prediction",
    "Predictor",
    "Recognition",
    "Recognizer",
    "answering_in",
    "train_predictor",
    "train_recognizer",
]
