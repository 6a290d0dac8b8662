"""A training that was ended goes on from its checkpoint, to the bits of one that never was.

`tests/killed_runs.py` kills processes, and has the trainings.
"""

import errno
import itertools
import pickle
import random
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from texts import rejected

import somscape
from somscape import SOM, SOMClassifier, SOMDetector, SOMImputer
from somscape.callbacks import Checkpoint, TimeLimit
from somscape.errors import InputError, MapFileError, SomscapeWarning
from somscape.estimators import som as _ready
from somscape.fit import EpochSums, _train
from somscape.fit._checkpoint import Fingerprint
from somscape.kernels._sparse import SparseRows
from somscape.maps import record as _record

if sys.platform == "win32":
    pytest.skip("kills processes by signals, which Windows has not", allow_module_level=True)

from command_line import customers, write
from command_line import run as run_command
from killed_runs import KILLED, KILLS, RUNS, SMALL, WEIGHTS, bits, fitted, told

SHAPE = {"n_rows": 4, "n_cols": 5, "n_init": 1, "n_epochs": 8}


@pytest.fixture(autouse=True)
def many_short_steps(monkeypatch):
    monkeypatch.setattr(_train, "BLOCK_WORK", 3e4)  # many blocks of online updates
    monkeypatch.setattr("somscape._files.os.fsync", lambda file: None)  # no wait for the disk


@pytest.fixture(scope="module")
def ends():
    """What the killed processes tell; their files are in memory, where a flush takes no time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield told(Path(folder))


class Every:
    """Keeps a file of each step; ends training after some."""

    def __init__(self, folder, stop_at=0):
        self.folder, self.stop_at, self.steps, self.paths = folder, stop_at, [], []

    def __call__(self, progress):
        self.steps.append(progress)
        return "far enough" if len(self.steps) == self.stop_at else None

    def keep(self, save, is_last):
        self.paths.append(self.folder / f"{len(self.paths)}{'-last' if is_last else ''}.som")
        save(self.paths[-1])


# Killed


@pytest.mark.nightly
@pytest.mark.parametrize("name", KILLED)
def test_a_training_that_is_killed_again_and_again_ends_at_the_same_bits(ends, name):
    found, codes, left = ends["killed"][name]
    assert codes.count(-signal.SIGKILL) >= KILLS
    assert codes[-1] == 0
    assert left == ["run.bits", "run.som"]
    assert found == bits(fitted(name))


@pytest.mark.nightly
def test_there_were_twenty_kills_or_more(ends):
    codes = [code for _, codes, _ in ends["killed"].values() for code in codes]
    assert codes.count(-signal.SIGKILL) >= 20
    assert set(codes) == {-signal.SIGKILL, 0}


@pytest.mark.nightly
def test_sigterm_waits_for_the_end_of_a_writing(ends):
    found = ends["terminated"]
    assert {code for code, _ in found} == {-signal.SIGTERM}
    assert [left for _, left in found][:: len(found) - 1] == [[], ["run.som"]]
    assert all(left in ([], ["run.som"]) for _, left in found)


@pytest.mark.nightly
def test_where_no_file_can_be_written_training_goes_on_and_warns_once(ends):
    found, warned, left = ends["without_room"]
    assert found == bits(fitted("batch"))
    (line,) = warned
    assert "run.som: the checkpoint cannot be written (File too large). Training continues" in line
    assert left == ["run.som"]


@pytest.mark.nightly
def test_a_digest_is_the_same_in_every_process(ends):
    assert ends["digest"] == EpochSums(np.arange(3), np.arange(6).reshape(3, 2), 0).digest().hex()


# From each step


@pytest.mark.parametrize("name", RUNS)
def test_from_any_step_training_goes_on_to_the_same_bits(tmp_path, name):
    every, other = Every(tmp_path), tmp_path / "other"
    other.mkdir()
    plain, som = bits(fitted(name)), fitted(name, [every])
    assert bits(som) == plain
    assert len(every.paths) == len(every.steps) + 1
    for path in random.Random(1).sample(every.paths[:-1], 5) + every.paths[-2:]:
        assert bits(fitted(name, (), path)) == plain, path
    again = Every(other)
    fitted(name, [again], every.paths[4])
    assert repr(again.steps) == repr(every.steps)  # as if it had never stopped
    assert len(again.paths) == len(every.paths) - 4
    assert somscape.load(every.paths[-1]).codebook.tobytes() == som.codebook_.tobytes()


def test_a_training_that_had_ended_does_no_step(tmp_path, monkeypatch):
    run = tmp_path / "run.som"
    som = SOM(**SHAPE, callbacks=[Checkpoint(run)]).fit(SMALL)
    monkeypatch.setattr(_train, "step", None)
    assert bits(SOM(**SHAPE).fit(SMALL, resume=run)) == bits(som)


def test_a_training_that_a_callback_ended_goes_on_without_it(tmp_path):
    run = tmp_path / "run.som"
    plain = SOM(**SHAPE).fit(SMALL)
    for n in range(3):
        callbacks = [Checkpoint(run), TimeLimit(1e-9)]
        cut = SOM(**SHAPE, callbacks=callbacks).fit(SMALL, resume=run if n else None)
        assert cut.stop_reason_ == "time limit reached"
        assert somscape.load(run).parameters["stop_reason"] == "time limit reached"
        assert len(cut.history_["step"]) == 1
    stops = Every(tmp_path, 3)
    cut = SOM(**SHAPE, callbacks=[stops]).fit(SMALL, resume=run)
    assert cut.stop_reason_ == "far enough"
    again = SOM(**SHAPE, callbacks=[Every(tmp_path, 3)]).fit(SMALL, resume=stops.paths[-1])
    assert bits(again) == bits(cut)
    assert bits(SOM(**SHAPE).fit(SMALL, resume=stops.paths[-1])) == bits(plain)


@pytest.mark.parametrize("name", ["coarse maps", "moves", "online"])
def test_ctrl_c_writes_the_last_step(tmp_path, name):
    run, steps = tmp_path / "run.som", itertools.count(1)

    def interrupt(progress):
        if next(steps) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(name, [Checkpoint(run), interrupt])
    assert somscape.load(run).parameters["stop_reason"] == "interrupted"
    again = Every(tmp_path)
    assert bits(fitted(name, [again], run)) == bits(fitted(name))
    assert len(again.paths) == len(again.steps) - 7 + 2


def test_ctrl_c_before_training_has_caught_up_gives_no_map(tmp_path):
    run = tmp_path / "run.som"
    SOM(**SHAPE, callbacks=[Checkpoint(run)]).fit(SMALL)
    before = run.read_bytes()

    def interrupt(progress):
        raise KeyboardInterrupt

    som = SOM(**SHAPE, callbacks=[Checkpoint(run), interrupt])
    with pytest.raises(KeyboardInterrupt):
        som.fit(SMALL, resume=run)
    assert not hasattr(som, "map_")
    assert run.read_bytes() == before


# When, and what


def test_a_checkpoint_is_written_after_the_first_step_from_its_time_on(tmp_path, monkeypatch):
    clock = itertools.count(0, 10.0)  # of which begin and each step take one
    monkeypatch.setattr("somscape.callbacks.time.monotonic", lambda: next(clock))
    written = []
    checkpoint = Checkpoint(tmp_path / "run.som", every=25)
    checkpoint.begin()
    for step in range(9):
        checkpoint.keep(lambda path, step=step: written.append(step), is_last=False)
    assert written == [2, 5, 8]  # at 30 s; that ends at 40 s, so at 70 s, and at 110 s
    checkpoint.keep(lambda path: written.append("last"), is_last=True)
    assert written[-1] == "last"


def test_the_file_is_the_map_of_then(tmp_path):
    every = Every(tmp_path)
    som = fitted("coarse maps", [every])
    coarse, later, final = (somscape.load(every.paths[i]) for i in (3, -2, -1))
    assert coarse.n_units < later.n_units == final.n_units == 16 * 17
    assert coarse.parameters["stop_reason"] == "not ended: a checkpoint"
    assert coarse.history["radius"].tolist() == som.history_["radius"][:4].tolist()
    assert later.hits.sum() == final.hits.sum() == len(RUNS["coarse maps"][1])
    assert final.to_record().header == som.map_.to_record().header
    assert final.joins is not None
    final.save(tmp_path / "map.som")
    som.map_.save(tmp_path / "other.som")
    assert (tmp_path / "map.som").read_bytes() == (tmp_path / "other.som").read_bytes()


def test_an_estimator_with_a_checkpoint_can_be_cloned_and_pickled(tmp_path):
    som = SOM(**SHAPE, callbacks=[Checkpoint(tmp_path / "run.som")]).fit(SMALL)
    assert len(pickle.dumps(som)) < len(pickle.dumps(SMALL)) + 50_000
    assert clone(som).callbacks[0] == som.callbacks[0]


def test_without_a_random_state_the_seed_is_that_of_then(tmp_path):
    run = tmp_path / "run.som"
    stops = [Checkpoint(run), lambda progress: progress.step == 3]
    cut = SOM(**SHAPE, init="random", callbacks=stops).fit(SMALL)
    seed = cut.map_.parameters["seed"]
    som = SOM(**SHAPE, init="random").fit(SMALL, resume=run)
    assert bits(som) == bits(SOM(**SHAPE, init="random", random_state=seed).fit(SMALL))


@pytest.mark.nightly
@pytest.mark.parametrize("radii", [{"radius_decay": [1.0, 0.3, 2.0]}, {"radius_end": 0.2}])
@pytest.mark.parametrize("init", ["sample", "pca"])
def test_a_start_that_was_cut_is_no_finished_one(tmp_path, radii, init):
    # Cut with a narrow radius, it may fit better than all that have ended with a wide one.
    rows, run = np.random.default_rng(0).normal(size=(60, 2)), tmp_path / "run.som"
    parameters = {"n_init": 4, "init": init, "random_state": 0, **radii}
    steps = []
    plain = bits(SOM(3, 3, **parameters, callbacks=[steps.append]).fit(rows))
    for stop_at in range(1, len(steps) + 1, 1 + len(steps) // 50):
        stops = Stops(stop_at)
        cut = SOM(3, 3, **parameters, callbacks=[Checkpoint(run, every=1e9), stops]).fit(rows)
        assert stops.n_steps == stop_at
        assert cut.stop_reason_ == "a callback asked to stop"
        assert bits(SOM(3, 3, **parameters).fit(rows, resume=run)) == plain, stop_at


class Stops:
    """Ends training after some steps."""

    def __init__(self, stop_at):
        self.stop_at, self.n_steps = stop_at, 0

    def __call__(self, progress):
        self.n_steps += 1
        return self.n_steps == self.stop_at


# Refused


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run.som"
    stops = [Checkpoint(path), lambda progress: progress.step == 3]
    SOM(**SHAPE, callbacks=stops).fit(SMALL, sample_weight=WEIGHTS)
    return path


def refusal(run, X=SMALL, weights=WEIGHTS, kind=InputError, **changes):
    with pytest.raises(kind) as found:
        SOM(**(SHAPE | changes)).fit(X, sample_weight=weights, resume=run)
    (line,) = str(found.value).splitlines()
    return line


def test_other_rows_are_refused(run):
    assert "another training. X was 300 x 4, but is 299 x 4 now. Pass" in refusal(
        run, SMALL[1:], WEIGHTS[1:]
    )
    changed = SMALL.copy()
    changed[17, 2] = np.nextafter(changed[17, 2], 9)
    assert "the same shape, 300 x 4, but different values. Pass" in refusal(run, changed)
    swapped = SMALL.copy()
    swapped[[3, 4], 1] = swapped[[4, 3], 1]
    assert "but different values" in refusal(run, swapped)
    assert "the same rows, but in a different order" in refusal(run, SMALL[::-1], WEIGHTS[::-1])
    assert "the same rows, but different weights" in refusal(run, weights=WEIGHTS[::-1])
    assert "the same rows, but different weights" in refusal(run, weights=None)
    single = SMALL.astype(np.float32)
    own = run.with_name("own.som")
    SOM(**SHAPE, callbacks=[Checkpoint(own)]).fit(single)
    assert "different values" in refusal(own, single.astype(np.float64), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_rows": 5}, "`n_rows` was 4, but is 5 now. Pass the earlier value, or leave `resume`"),
        ({"n_epochs": "auto"}, "`n_epochs` was 8, but is 'auto' now"),
        ({"learning_rate": 0.5}, "`learning_rate` was [0.5, 0.05], but is 0.5 now"),
        ({"random_state": 4}, "`random_state` was 0, but is 4 now"),
        ({"init": SMALL[:20], "n_init": "auto"}, "`init` was 'pca', but is an array of 20 x"),
        ({"feature_weight": [1, 2, 1, 1]}, "`feature_weight` was None, but is [1.0, 2.0"),
        ({"neighborhood": "bubble"}, "`neighborhood` was 'gaussian', but is 'bubble' now"),
        ({"tol": 1e-3}, "`tol` was 0.0001, but is 0.001 now"),
    ],
)
def test_other_parameters_are_refused_by_name(run, changes, words):
    assert f"run.som, which belongs to another training. {words}" in refusal(run, **changes)


def test_equal_parameters_may_be_written_in_another_way(tmp_path):
    run, shape = tmp_path / "run.som", SHAPE | {"tol": 2**-10}
    SOM(**shape, callbacks=[Checkpoint(run)]).fit(SMALL)
    same = SHAPE | {
        "tol": np.float32(2**-10),
        "learning_rate": [0.5, 0.05],
        "random_state": np.int64(0),
    }
    som = SOM(**same, verbose=0).fit(SMALL, resume=str(run))
    assert bits(som) == bits(SOM(**shape).fit(SMALL))


@pytest.mark.parametrize("seed", [2**53, 10**400])
def test_seeds_of_any_size_are_told_apart(tmp_path, seed):
    run = tmp_path / "run.som"
    SOM(**SHAPE, random_state=seed, callbacks=[Checkpoint(run)]).fit(SMALL)
    SOM(**SHAPE, random_state=seed).fit(SMALL, resume=run)
    words = f"`random_state` was {seed}, but is {seed + 1} now"
    assert words in refusal(run, weights=None, random_state=seed + 1)


def test_a_start_that_is_a_map_is_known_again(tmp_path):
    first, other = (SOM(4, 5, n_epochs=n).fit(SMALL).map_ for n in (2, 3))
    run = tmp_path / "run.som"
    stops = [Checkpoint(run), lambda progress: progress.step == 3]
    SOM(init=first, callbacks=stops).fit(SMALL)
    first.save(tmp_path / "first.som")
    som = SOM(init=somscape.load(tmp_path / "first.som")).fit(SMALL, resume=run)
    assert bits(som) == bits(SOM(init=first).fit(SMALL))
    with rejected(parameter="resume"):
        SOM(init=other).fit(SMALL, resume=run)


def test_a_file_that_is_no_checkpoint_is_refused(run, tmp_path, monkeypatch):
    SOM(**SHAPE).fit(SMALL).save(tmp_path / "map.som")
    assert "map.som, which is a map and not a checkpoint. Pass a" in refusal(tmp_path / "map.som")
    (tmp_path / "notes.som").write_text("not a map")
    assert "not a somscape map" in refusal(tmp_path / "notes.som")
    assert "run, but this file does not exist. Pass" in refusal(tmp_path / "run")
    assert "`resume` must be the name of a file" in refusal(3, kind=TypeError)
    monkeypatch.setattr(_ready, "VERSIONS", {"somscape": "9.1", "numpy": "3.0"})
    written = f"numpy {np.__version__} and somscape {somscape.__version__}"
    assert f"written with {written}" in refusal(run)
    assert "The installed numpy 3.0 and somscape 9.1 might" in refusal(run)


def test_a_damaged_file_is_refused(run):
    whole, record = run.read_bytes(), somscape.save.read_record(run)
    for name in ("prototypes", "totals", "digests", "steps", "best_prototypes"):
        values = record.arrays.get(f"checkpoint.{name}")
        if values is None or not values.size:
            continue
        at = whole.index(np.ascontiguousarray(values).tobytes()) + 5
        run.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "run.som, which is damaged. Use a copy" in refusal(run, kind=MapFileError), name
    for n in (0, 7, 300, len(whole) // 2, len(whole) - 1):
        run.write_bytes(whole[:n])
        assert "run.som" in refusal(run, kind=MapFileError)


def test_steps_of_another_shape_are_refused(run):
    # As somebody would have to make it: the digest is right.
    from somscape.fit import _checkpoint

    past = _checkpoint.read_checkpoint(run, _ready.VERSIONS)
    past.journal.state = past.journal.state._replace(codebook=np.zeros((3, 4)))
    _checkpoint.write_checkpoint(run, somscape.load(run), past.journal, past.identity)
    assert "which is damaged" in refusal(run, kind=MapFileError)


def test_the_first_training_may_have_the_line_of_all_later_ones(tmp_path):
    run = tmp_path / "run.som"
    for _ in range(2):
        som = SOM(**SHAPE, callbacks=[Checkpoint(str(run))]).fit(SMALL, resume=run)
        assert bits(som) == bits(SOM(**SHAPE).fit(SMALL))
    other = [Checkpoint(tmp_path / "other.som")]
    assert "this file does not exist" in refusal(tmp_path / "rum.som", callbacks=other)


def test_a_path_that_cannot_be_written_is_refused_before_training(tmp_path):
    for path in [
        tmp_path,
        tmp_path / "no" / "run.som",
    ]:
        with rejected(parameter="path"):
            SOM(**SHAPE, callbacks=[Checkpoint(path)]).fit(SMALL)
    with rejected(ValueError, parameter="every", value=-1):
        Checkpoint("run.som", every=-1)
    with rejected(TypeError, parameter="path"):
        Checkpoint(None)


def test_a_full_disk_keeps_the_last_checkpoint_and_is_told_once(tmp_path, monkeypatch):
    run, original, n_tried = tmp_path / "run.som", _record.write_whole, itertools.count(1)

    def write(path, data):
        if next(n_tried) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(path, data)

    monkeypatch.setattr(_record, "write_whole", write)
    with pytest.warns(SomscapeWarning, match=r"run\.som: the checkpoint cannot be") as told:
        som = SOM(**SHAPE, callbacks=[Checkpoint(run, every=0)]).fit(SMALL)
    assert len(told) == 1
    assert "Free some space, or pass another path to Checkpoint" in str(told[0].message)
    assert next(n_tried) == 10  # eight epochs and the end
    monkeypatch.undo()
    assert len(somscape.load(run).history["step"]) == 3
    assert bits(SOM(**SHAPE).fit(SMALL, resume=run)) == bits(som)


@pytest.mark.nightly
def test_trainings_that_write_into_one_folder_lose_nothing(tmp_path):
    def train(name):
        callbacks = [Checkpoint(tmp_path / name, every=0)]
        for _ in range(8):
            som = SOM(**SHAPE, callbacks=callbacks).fit(SMALL)
        return som.codebook_.tobytes()

    names = ["c0", "c1", "c2"]
    with ThreadPoolExecutor(3) as threads:  # a writing that is lost warns, and so fails
        found = list(threads.map(train, names))
    assert [somscape.load(tmp_path / name).codebook.tobytes() for name in names] == found
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("kind", [SOMDetector, SOMClassifier])
def test_estimators_of_several_maps_refuse_a_checkpoint(tmp_path, kind):
    som = SOM(4, 5, callbacks=[Checkpoint(tmp_path / "run.som")])
    with rejected(ValueError, parameter="callbacks"):
        kind(som=som).fit(SMALL, np.arange(len(SMALL)) % 2)


def test_whatever_trains_without_resume_refuses_a_checkpoint(tmp_path):
    callbacks = [Checkpoint(tmp_path / "run.som")]
    with rejected(ValueError, parameter="callbacks"):
        SOM.suggest(SMALL, callbacks=callbacks)
    with rejected(ValueError, parameter="callbacks"):
        SOMImputer(som=SOM(4, 5, callbacks=callbacks)).fit(SMALL)
    assert not list(tmp_path.iterdir())


# The fingerprint


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_rows_in_any_pieces_have_the_same_fingerprint(seed, cuts, is_weighted):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (40, 3)) * rng.choice([1.0, 0.1, np.nan], (40, 3))
    weights = rng.random(40) if is_weighted else None
    whole = Fingerprint.of(rows, weights)
    total = Fingerprint(0, 3, "float64", 0, 0, 0)
    edges = [0, *sorted(cuts), 40]
    for begin, end in itertools.pairwise(edges):
        share = None if weights is None else weights[begin:end]
        total += Fingerprint.of(rows[begin:end], share, first=begin)
    assert total == whole
    assert Fingerprint.from_json(whole.to_json()) == whole
    i, j = rng.integers(40), rng.integers(3)
    changed = rows.copy()
    changed[i, j] = 7.0
    assert "different values" in whole.difference(Fingerprint.of(changed, weights))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_that_are_not_stored_are_zeros(dtype):
    dense = np.random.default_rng(0).integers(-1, 2, (30, 6)).astype(dtype)
    sparse = SparseRows.from_csr(csr_array(dense))
    assert Fingerprint.of(sparse, None) == Fingerprint.of(dense, np.ones(30))


# The command line


def test_fit_of_the_command_line_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = write(tmp_path / "t.csv", *customers(60))
    words = ("fit", table, "--epochs", 9, "--out", "m.som", "--checkpoint", "run.som", "--resume")
    assert run_command("fit", table, "--epochs", 9, "--out", "plain.som").code == 0
    monkeypatch.setattr(_train, "step", interrupted_at(5))
    assert run_command(*words).code != 0
    assert len(somscape.load("run.som").history["step"]) == 4
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert run_command(*words).code == 0
    assert Path("m.som").read_bytes() == Path("plain.som").read_bytes()
    outcome = run_command(*words, "--rows", 4)
    assert outcome.code == 2
    assert (
        "--resume is run.som, which belongs to another training. --rows was 'auto'" in outcome.err
    )
    outcome = run_command("fit", table, "--out", "m.som", "--resume")
    assert outcome.code == 2
    assert "--resume needs the file of a saved training. Give" in outcome.err


def test_the_command_line_writes_over_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = write(tmp_path / "t.csv", *customers(60))
    words = ("fit", table, "--epochs", 2, "--out", "m.som", "--checkpoint")
    assert run_command(*words, "run.som").code == 0
    before = Path("run.som").read_bytes()
    outcome = run_command(*words, "run.som")
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    assert "--checkpoint, run.som, already exists and would be lost. Add --resume" in line
    assert Path("run.som").read_bytes() == before
    outcome = run_command(*words, tmp_path / "m.som", "--resume")
    assert outcome.code == 2
    assert "--out and --checkpoint are both m.som. Give --checkpoint another name" in outcome.err


def interrupted_at(step):
    """Return a `step` that Ctrl-C ends."""
    original, steps = _train.step, itertools.count(1)

    def step_(*given, **more):
        if next(steps) == step:
            raise KeyboardInterrupt
        return original(*given, **more)

    return step_
