"""The recognizer or predictor of whatever has one."""

from dataclasses import replace
from typing import Any

from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer


def answering_in(thing: Any) -> Recognizer | Predictor | None:
    """Return an object if it answers, what answers if it has that, or None."""
    if isinstance(thing, Recognizer | Predictor):
        return thing
    recognizer = getattr(thing, "recognizer_", None)
    if isinstance(recognizer, Recognizer):
        return replace(recognizer, reject=thing.reject)
    predictor = getattr(thing, "predictor_", None)
    return predictor if isinstance(predictor, Predictor) else None


def recognizer_in(thing: Any) -> Recognizer | None:
    """Return what `answering_in` does if it names classes, else None."""
    found = answering_in(thing)
    return found if isinstance(found, Recognizer) else None
