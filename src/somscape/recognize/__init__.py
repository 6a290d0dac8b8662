"""From rows with known classes to a map that names new ones."""

from somscape.recognize._recognizer import Recognizer
from somscape.recognize._train import LAYER_WEIGHT, Recognition, train_recognizer

__all__ = ["LAYER_WEIGHT", "Recognition", "Recognizer", "train_recognizer"]
