"""The benchmark of broken relations draws what it says, and its oracle knows the law."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

pytestmark = pytest.mark.nightly

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def relations(monkeypatch):
    """Import the script, with small tables."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "detection"))
    script = import_module("relations")
    monkeypatch.setattr(script, "N_ROWS", 300)
    monkeypatch.setattr(script, "N_KIND_ROWS", 200)
    yield script
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            sys.modules.pop(name)


def test_the_oracle_of_a_linear_law_is_its_likelihood(relations):
    drawn = relations.Simulated.drawn(relations.Case("four", 12, 3, 0.1), 0)
    noise = np.diag(drawn.spread**2)
    laws = [
        multivariate_normal(shift, loadings.T @ loadings + noise)
        for shift, loadings in zip(drawn.shifts, drawn.loadings, strict=True)
    ]
    exact = logsumexp([law.logpdf(drawn.rows) for law in laws], axis=0)
    assert np.ptp(exact + drawn.oracle()) < 1e-8


@pytest.mark.parametrize("n_categories", [0, 2])
def test_the_oracle_of_a_curved_law_is_near_its_likelihood(relations, n_categories):
    case = relations.Case("curved", 6, 1, 0.1, 0.1, n_categories)
    drawn = relations.Simulated.drawn(case, 0)
    factors = np.linspace(-6, 6, 20_001)[:, None]
    likely = relations._curve(factors, drawn.loadings[0], drawn.bends)
    exact = []
    for i, row in enumerate(drawn.rows):
        apart = ((row - likely) / drawn.spread)[:, n_categories:]
        of_factors = -0.5 * (apart**2).sum(axis=1) - 0.5 * factors[:, 0] ** 2
        for j in range(n_categories):
            low, high = drawn.edges[j][drawn.levels[j][i] + np.array([0, 1])]
            ends = (np.array([low, high])[:, None] - likely[:, j]) / drawn.spread[j]
            of_factors += np.log(np.maximum(np.diff(relations.ndtr(ends), axis=0)[0], 1e-300))
        exact.append(logsumexp(of_factors))
    apart = np.array(exact) + drawn.oracle()
    usual = apart[~drawn.is_broken]
    assert np.median(np.abs(usual - np.median(usual))) < 0.1


def test_rows_with_broken_relations_have_usual_values(relations):
    for case in relations.CASES:
        drawn = relations.Simulated.drawn(case, 1)
        assert drawn.is_broken.sum() == round(300 * case.share)
        broken = drawn.rows[drawn.is_broken]
        assert (broken >= drawn.rows[~drawn.is_broken].min(axis=0)).mean() > 0.99
        assert relations.figures(drawn.oracle(), drawn.is_broken)[0] > 0.7


def test_the_tables_have_a_line_for_each_case(relations, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(relations, "CASES", [relations.Case("one", 12, 3, 0.1)])
    record = tmp_path / "record.json"
    arguments = ["relations.py", "--seeds", "1", "--record", str(record)]
    monkeypatch.setattr(sys, "argv", arguments)
    relations.main()
    monkeypatch.setattr(sys, "argv", [*arguments, "--somscape-only", "--label", "other"])
    relations.main()
    printed = capsys.readouterr().out.rpartition("Command: ")[2]
    heads = ["other, array", "somscape, table", *relations.PEERS, "oracle"]
    assert all(f" {head} " in printed for head in heads)
    assert printed.count("| one (12, 0.1), 1 % |") == 3
    assert all(printed.count(f"| {kind} ") == 3 for kind in relations.KINDS)
    assert printed.count("| one, 1 % |") == 4  # rankings of two versions
