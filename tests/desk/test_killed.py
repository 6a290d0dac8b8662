"""Whatever ends a process at whatever step of its writing: the old results are there, or the new.

`tests/kill_points.py` says how; `benchmarks/kills.py` kills real processes at each system call.
"""

import json
import signal
import subprocess
import sys

import pytest
from command_line import customers, run, write
from kill_points import Job, ends_of, state_of

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.all_tries,  # as the processes that are killed do
    pytest.mark.skipif(sys.platform == "win32", reason="forks, and sends signals"),
]
APP = "app"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two tables and the map of one."""
    folder = tmp_path_factory.mktemp("made")
    write(folder / "old.csv", *customers(40))
    write(folder / "new.csv", *customers(60))
    assert run("fit", folder / "old.csv", "--out", folder / "old.som").code == 0
    assert run("detect", folder / "old.csv", "--out", folder / "found").code == 0
    assert run("fit", folder / "new.csv", "--out", folder / "new.som").code == 0
    return folder


def words_of(made, command, age, target):
    """Return the words of a command that makes old, or new, results."""
    table, map_ = made / f"{age}.csv", made / f"{age}.som"
    return {
        "detect": ("detect", table, "--out", target),
        "fit": ("fit", table, "--out", target),
        "score": ("score", made / "found" / "map.som", table, "--out", target),
        "convert": ("convert", map_, target, "--force"),
    }[command]


ENDINGS = {"detect": "", "fit": ".som", "score": ".csv", "convert": ".parquet"}
OPTIONS = {"missing": "fill", "contamination": 0.05, "seed": 0}


@pytest.fixture
def replaced(made, tmp_path):
    """Return a command, or job of the app, that replaces old results; states before and after."""

    def prepare(what):
        out = tmp_path / "out"
        out.mkdir()
        if what == APP:
            return prepare_app(out)
        target = out / f"found{ENDINGS[what]}"
        states = []
        for age in ("new", "old"):
            assert run(*words_of(made, what, age, target)).code == 0
            states.append(state_of(target))
        return Job(str(target), tuple(map(str, words_of(made, what, "new", target)))), *states

    def prepare_app(out):
        states = []
        for age in ("new", "old"):
            request = {
                **{"task": "rank", "name": "t.csv", "file": str(made / f"{age}.csv")},
                **{"folder": str(out), "state": str(out.parent / "state"), "job": OPTIONS},
            }
            job = Job(str(out / "results"), request=request)
            code = "from somscape.desk.app._work import work; work()"
            process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            while b"result" not in (line := process.stdout.readline()):
                assert b"progress" in line, line
            process.wait(60)
            process.stdin.close()
            process.stdout.close()
            states.append((job, state_of(out / "results")))
        return states[0][0], states[0][1], states[1][1]

    return prepare


@pytest.mark.parametrize("what", ["detect", "fit", "score", "convert", APP])
def test_a_killed_process_leaves_the_old_results_or_the_new(replaced, what):
    job, new, old = replaced(what)
    ends = ends_of(job)
    assert len(ends) >= 12
    assert old != new
    for end in ends:
        assert end.state in (old, new), end.step
        assert end.next_state == end.state, end.step
        assert end.next_beside == [], end.step
    assert [end.state == old for end in ends][:: len(ends) - 1] == [True, False]


@pytest.mark.parametrize("what", ["detect", APP])
def test_the_next_one_puts_back_what_is_replaced_in_two_steps(replaced, what):
    job, new, old = replaced(what)
    ends = ends_of(job, can_exchange=False)
    assert any(end.state == {} for end in ends)  # killed between the two
    for end in ends:
        assert end.state in (old, new, {}), end.step
        assert end.next_state in (old, new), end.step
        assert end.next_beside == [], end.step


@pytest.mark.parametrize(
    ("what", "number"),
    [*(("fit", n) for n in ("SIGINT", "SIGTERM", "SIGHUP")), ("detect", "SIGTERM")],
)
def test_a_process_that_is_told_to_end_leaves_nothing_beside(replaced, what, number):
    job, new, old = replaced(what)
    ends = ends_of(job, getattr(signal, number), can_exchange=False)
    assert ends
    for end in ends:
        assert end.state in (old, new), end.step
        assert end.beside == [], end.step
