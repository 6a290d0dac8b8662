"""What a run's line of the audit holds so that the run can be repeated: how, and by what."""

import hashlib
import platform
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._version import __version__
from somscape.kernels import select_kernels
from somscape.outliers import Alerts, Detector


def versions() -> dict[str, str]:
    """Return the versions on which the last bits of a score may depend."""
    return {
        "somscape": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "kernels": select_kernels().name,
    }


def facts_to_repeat(detector: Detector, alerts: Alerts) -> dict[str, Any]:
    """Return what tells whether a run that is repeated gave the same."""
    roles: dict[str, list[str]] = {}
    for code in detector.map_.encoding.columns:
        roles.setdefault(code.kind, []).append(code.name)
    scores = np.empty(len(alerts.rows))
    scores[alerts.rows] = alerts.scores
    return {
        "scores": scores_hash(scores),
        "roles": roles,
        "settings": dict(detector.map_.parameters),
        "versions": versions(),
    }


def scores_hash(scores: Float64s) -> str:
    """Return the hash of scores, which the last bit of any of them changes."""
    return hashlib.sha256(np.ascontiguousarray(scores, "<f8").tobytes()).hexdigest()
