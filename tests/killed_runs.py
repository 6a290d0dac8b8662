"""Trainings that are killed again and again, and go on, in processes of their own.

As a program it imports somscape once, and forks a process for each part of a training, which writes
a checkpoint after each step.  Some are killed after a while, others at one of the steps in which a
file is written.
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from somscape import SOM
from somscape.callbacks import Checkpoint
from somscape.fit import EpochSums, _train

_train.BLOCK_WORK = 3e4

Parameters = dict[str, Any]


def rows_of(n: int, d: int, seed: int = 0) -> Any:
    """Two groups and a few rows far from both."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) * 0.5 + rng.integers(0, 2, (n, 1)) * 3
    rows[::20] += rng.normal(size=rows[::20].shape) * 5
    return rows


SMALL, TALL = rows_of(300, 4), rows_of(1000, 3, 1)
WITH_GAPS = np.where(np.random.default_rng(2).random(SMALL.shape) < 0.1, np.nan, SMALL)
WEIGHTS = np.random.default_rng(3).integers(1, 4, len(SMALL))

RADII = [2.0, 1.5, 1.0, *[0.7] * 20]

RUNS: dict[str, tuple[Parameters, Any, Any]] = {
    "batch": ({"n_rows": 4, "n_cols": 5, "n_init": 1, "radius_decay": RADII}, SMALL, None),
    "coarse maps": (
        {"n_rows": 16, "n_cols": 17, "algorithm": "multires", "n_epochs": 3, "random_state": 1},
        TALL,
        None,
    ),
    "starts": (
        {"n_rows": 4, "n_cols": 5, "n_init": 4, "n_epochs": 6, "init": "sample", "random_state": 2},
        SMALL,
        WEIGHTS,
    ),
    "moves": ({"n_rows": 4, "n_cols": 5, "n_init": 1, "radius_end": 0.2}, SMALL, None),
    "online": (
        {"n_rows": 5, "n_cols": 6, "algorithm": "online", "random_state": 1, "n_epochs": 4},
        SMALL.astype(np.float32),
        WEIGHTS,
    ),
    "gaps": (
        {"n_rows": 5, "n_cols": 6, "missing": "mask", "n_init": 2, "n_epochs": 8},
        WITH_GAPS,
        None,
    ),
}
KILLED = ("batch", "coarse maps", "starts", "moves", "online")

KILLS = 4
"""Kills of each run, at least; some may come when it had been done."""

STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "fcntl.flock", "open"}
"""What Python tells of before it does it (`sys.addaudithook`)."""


def fitted(name: str, callbacks: Any = (), resume: Any = None) -> SOM:
    """Train one of the runs."""
    parameters, rows, weights = RUNS[name]
    som = SOM(**parameters, callbacks=callbacks)
    return som.fit(rows, sample_weight=weights, resume=resume)


def bits(som: SOM) -> list[str]:
    """Return all that a training gives."""
    arrays = [som.codebook_, som.labels_, som.map_.hits, *som.history_.values()]
    if som._sums is not None:
        arrays += [som._sums.counts, som._sums.totals]
    said = [som.stop_reason_, str(som.n_iter_), str(sorted(som.map_.parameters.items()))]
    return [*(a.tobytes().hex() for a in arrays), *said]


def told(folder: Path) -> dict[str, Any]:
    """Do all tasks in processes of their own, with other hashes; return what they tell."""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, __file__, str(folder)],
        # Processes with threads should not fork.
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "12345", **one},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _forked(work: Callable[[], None], after: float = 0.0) -> int:
    """Do work in a process that is killed after some seconds, unless 0; return how it ended."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if after:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _part(name: str, run: Path, step: int = 0, number: int = signal.SIGKILL) -> None:
    """Do a part of a run, which gets a signal before one of its steps on the disk, from 1."""
    left = step

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        if event in STEPS and (event != "open" or str(run.parent) in str(args[0])):
            left -= 1
            if not left:
                os.kill(os.getpid(), number)

    if step:
        sys.addaudithook(count)
    som = fitted(name, [Checkpoint(run, every=0)], run)
    run.with_suffix(".bits").write_text(json.dumps(bits(som)))


def killed(folder: Path) -> dict[str, Any]:
    """Kill each run until it is done; return by name its bits, the ends, and the files left."""
    draw, found = random.Random(0), {}
    for name in KILLED:
        run, ends = folder / name / "run.som", [1]
        run.parent.mkdir()
        while ends[-1] or ends.count(-signal.SIGKILL) < KILLS:
            step = draw.randrange(1, 150) if draw.random() < 0.5 else 0
            after = 0.0 if step else draw.uniform(0.02, 0.3)
            ends.append(_forked(partial(_part, name, run, step), after))
        names = sorted(path.name for path in run.parent.iterdir())
        found[name] = [json.loads(run.with_suffix(".bits").read_text()), ends[1:], names]
    return found


def terminated(folder: Path) -> list[Any]:
    """End runs by SIGTERM at steps on the disk; return how each ended, and the files left."""
    found = []
    for step in range(1, 40, 4):
        run = folder / str(step) / "run.som"
        run.parent.mkdir()
        end = _forked(partial(_part, "batch", run, step, signal.SIGTERM))
        found.append([end, sorted(path.name for path in run.parent.iterdir())])
    return found


def without_room(folder: Path) -> list[Any]:
    """Do a run that can write no file any more after its fifth step; return what it tells."""
    run = folder / "run.som"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(progress: Any) -> None:
        if progress.step == 6:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        som = fitted("batch", [fill, Checkpoint(run, every=0)])
    return [bits(som), [str(w.message) for w in caught], [path.name for path in folder.iterdir()]]


if __name__ == "__main__":
    here = Path(sys.argv[1])
    sums = EpochSums(np.arange(3), np.arange(6).reshape(3, 2), 0)
    all_told: dict[str, Any] = {"digest": sums.digest().hex()}
    for task in (killed, terminated, without_room):
        (here / task.__name__).mkdir()
        all_told[task.__name__] = task(here / task.__name__)
    sys.stdout.write(json.dumps(all_told))
