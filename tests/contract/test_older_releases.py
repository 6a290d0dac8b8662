"""What a release wrote is read by this one: ``tests/golden`` holds a folder for each."""

import json
import sqlite3
from contextlib import closing

import naive
import numpy as np
import pytest
from command_line import run
from golden.make import HERE, answers, table
from texts import rejected

from somscape import __version__, load, plots, regions, report
from somscape.outliers import DriftMonitor
from somscape.outliers.score import SCORES
from somscape.save import to_onnx
from somscape.tables import write_csv

RELEASES = sorted(folder.name for folder in HERE.iterdir() if (folder / "answers.json").is_file())
OF_REMOVED_METHODS = {
    "0.1.0/detector.som": "local_scale",
    "0.2.0/detector.som": "local_scale",
    "detectors-8cdcb1a4/density.som": "density",
    "detectors-8cdcb1a4/local_scale.som": "local_scale",
}


def test_the_first_release_and_this_one_are_kept():
    assert {"0.1.0", __version__} <= set(RELEASES)


@pytest.mark.parametrize("release", RELEASES)
def test_a_saved_detector_of_a_release_still_answers(release):
    detector = load(HERE / release / "detector.som")
    expected = json.loads((HERE / release / "answers.json").read_text())
    if detector.score in SCORES:
        found = answers(detector)
    else:
        scores = -np.array(expected["detector"])
        found = {"encoder": detector.map_.rows_of(table()), "detector": -scores}
        # p-values were counted before.
        expected["p_values"] = naive.conformal_p(scores, detector.calibration.scores)
        found["p_values"] = detector.calibration.p_values(scores)
    assert found.keys() == expected.keys() - {"som", "imputer"}
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-9, atol=1e-12)
    assert detector.map_.unit_labels == ()


# Methods that were removed


@pytest.mark.parametrize("file", OF_REMOVED_METHODS)
def test_a_detector_of_a_removed_method_opens_and_draws(file, tmp_path):
    detector = load(HERE / file)
    assert f", {OF_REMOVED_METHODS[file]}" in repr(detector)
    assert "<svg" in detector._repr_html_()
    for draw in (plots.umatrix, plots.planes):
        assert draw(detector).figure_.axes
    assert regions.find_regions(detector).n_regions >= 1
    assert report.build(detector.map_, table())["n_rows"] == 40
    detector.save(tmp_path / "again.som")
    assert load(tmp_path / "again.som").to_record().header == detector.to_record().header


ASKED = {
    "scores": lambda detector: detector.scores(table()),
    "p_values": lambda detector: detector.p_values(table()),
    "flags": lambda detector: detector.flags(table()),
    "contributions": lambda detector: detector.contributions(table()),
    "reasons": lambda detector: detector.reasons(table()),
    "alerts": lambda detector: detector.alerts(table()),
    "counterfactuals": lambda detector: detector.counterfactuals(table()),
    "similar_rows": lambda detector: detector.similar_rows(table(), among=table()),
    "to_onnx": lambda detector: to_onnx(detector, "d.onnx"),
    "report": lambda detector: report.build(detector, table()),
    "drift": lambda detector: DriftMonitor(detector).update(table()),
}


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("file", OF_REMOVED_METHODS)
def test_a_detector_of_a_removed_method_does_not_score(file, ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with rejected(value=OF_REMOVED_METHODS[file]):
        ASKED[ask](load(HERE / file))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", OF_REMOVED_METHODS)
def test_commands_show_a_detector_of_a_removed_method_and_do_not_score(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    map_file, method = HERE / file, OF_REMOVED_METHODS[file]
    write_csv("t.csv", table())
    assert method in run("info", map_file).out
    done = run("report", map_file, "t.csv", "--out", "page.html")
    assert done.code == 0
    assert f"method '{method}' was removed" in done.out
    begin = ("detect", "t.csv", "--id", "customer_id", "--watch", "cards", "--state", "state")
    assert run(*begin, "--out", "first").code == 0
    with closing(sqlite3.connect("state/cases.sqlite")) as database, database:
        database.execute("UPDATE maps SET content = ?", (map_file.read_bytes(),))
    for words in (
        ("score", map_file, "t.csv"),
        ("score", map_file, "t.csv", "--drift"),
        ("report", map_file, "t.csv", "--alerts", "3", "--out", "other.html"),
        ("convert", map_file, "d.onnx"),
        ("serve", map_file, "--port", "0"),
        ("run", "cards", "t.csv", "--state", "state"),
    ):
        done = run(*words)
        assert done.code == 2, words
        lines = [line for line in done.err.splitlines() if "Error" in line]
        assert len(lines) == 1
        assert f"method '{method}'" in " ".join(done.err.split())
        assert "Traceback" not in done.err
