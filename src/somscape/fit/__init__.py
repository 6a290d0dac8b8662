"""Training on prepared rows: C-contiguous, of one float type; sparse, or NaN for missing values."""

from somscape.fit._check import have_values
from somscape.fit._checkpoint import PastRun, read_checkpoint
from somscape.fit._epoch import EpochSums, merge, partial, step
from somscape.fit._explain import explain_defaults
from somscape.fit._facts import Facts
from somscape.fit._map import VERSIONS, TrainingInterrupted, train_map
from somscape.fit._moves import move
from somscape.fit._pairs import Pairs
from somscape.fit._pieces import (
    AnyRows,
    Extremes,
    Pieces,
    RowsElsewhere,
    every,
    extremes_of,
    widest,
)
from somscape.fit._plan import Plan, resolve_plan
from somscape.fit._problem import Problem, prepare
from somscape.fit._progress import Callback, Progress
from somscape.fit._schedule import SCHEDULES, schedule
from somscape.fit._settings import Settings
from somscape.fit._size import auto_shape, machine_memory
from somscape.fit._start import Axes, mean_and_covariance, principal_axes, start_codebook
from somscape.fit._stream import RunningSums, go_on
from somscape.fit._train import Trained, train
from somscape.fit._watch import Watch

__all__ = [
    "SCHEDULES",
    "VERSIONS",
    "AnyRows",
    "Axes",
    "Callback",
    "EpochSums",
    "Extremes",
    "Facts",
    "Pairs",
    "PastRun",
    "Pieces",
    "Plan",
    "Problem",
    "Progress",
    "RowsElsewhere",
    "RunningSums",
    "Settings",
    "Trained",
    "TrainingInterrupted",
    "Watch",
    "auto_shape",
    "every",
    "explain_defaults",
    "extremes_of",
    "go_on",
    "have_values",
    "machine_memory",
    "mean_and_covariance",
    "merge",
    "move",
    "partial",
    "prepare",
    "principal_axes",
    "read_checkpoint",
    "resolve_plan",
    "schedule",
    "start_codebook",
    "step",
    "train",
    "train_map",
    "widest",
]
