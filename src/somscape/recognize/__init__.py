"""From rows with known classes to a map that names new ones."""

from somscape.recognize._recognizer import Recognizer
from somscape.recognize._train import Recognition, train_recognizer

__all__ = ["Recognition", "Recognizer", "train_recognizer"]
