"""Maps of halves of the rows that score together."""

from dataclasses import replace

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Detector, Map, SOMDetector, load
from somscape.errors import InputError, MapFileError
from somscape.outliers._train import N_MAPS, halves, left_out_scores
from somscape.outliers.score import explained_by, scores_by, scores_of_each
from somscape.save import read_record, write_record


def rows_of(n=120, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * [3.0, 1.0, 0.5][:d] - 1


def fitted(X=None, **options):
    options = {"som": SOM(3, 4), "random_state": 0, "n_maps": 4} | options
    return SOMDetector(**options).fit(rows_of() if X is None else X)


def members_of(detector):
    return detector.detector_.members


# Which rows each map learns from


@pytest.mark.parametrize("n_maps", [2, 5, 16])
def test_each_half_is_followed_by_the_other(n_maps):
    parts = halves(rows_of(21), None, n_maps, 0)
    assert len(parts) == n_maps
    for first, second in zip(parts[::2], parts[1::2], strict=False):
        assert sorted([*first, *second]) == list(range(21))
        assert {len(first), len(second)} == {10, 11}
    assert len({tuple(part) for part in parts}) == n_maps


def test_equal_rows_stay_together():
    X = rows_of(10)[np.repeat(np.arange(10), 3)]
    parts = halves(X, None, 8, 0)
    assert len(parts) == 8
    for part in parts:
        assert {i // 3 for i in part} == {i // 3 for i in part if i % 3 == 0}
        assert len(part) == 15


@pytest.mark.parametrize(
    "X", [np.ones((2, 2)), np.ones((4, 1)), [[0.0], [1.0]], [[1.0], [1.0], [2.0]]]
)
def test_two_rows_are_enough(X):
    detector = fitted(X, som=None, n_maps="auto")
    assert np.isfinite(detector.score_samples(X)).all()
    assert (detector.p_values(X) > 0).all()


def test_of_equal_rows_every_map_learns_from_all():
    assert [len(part) for part in halves(np.ones((5, 2)), None, 4, 0)] == [5] * 4
    detector = fitted(np.ones((5, 2)), som=SOM(1, 2))
    np.testing.assert_array_equal(detector.score_samples(np.ones((2, 2))), 0)
    assert (detector.p_values(np.ones((2, 2))) == 1).all()


def test_every_map_learns_from_what_many_rows_are_alike_in():
    X = np.vstack([rows_of(40), np.ones((12, 3)), np.zeros((4, 3))])
    parts = halves(X, None, 6, 0)
    assert len(parts) == 6
    for part in parts:
        assert set(range(40, 52)) <= set(part)  # 12 of 56 rows
        assert len(set(range(52, 56)) & set(part)) in (0, 4)  # 4 are less than 5
    weights = np.append(np.ones(41), np.zeros(15) + 1e-9)
    weights[40] = 12
    parts = halves(X[:41], weights[:41], 6, 0)
    assert [40 in part for part in parts] == [True] * 6


def test_the_commonest_row_is_usual():
    X = np.vstack([np.ones((50, 3)), [[9.0, 9.0, 9.0]]])
    detector = fitted(X, som=None, n_maps="auto")
    scores = -detector.score_samples(X)
    assert scores[50] > 1
    assert scores[0] < 1e-6
    np.testing.assert_array_equal(detector.predict(X) == -1, np.arange(51) == 50)


def test_a_rare_level_counts_alike_to_maps_that_never_saw_it():
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(600, 3)), np.zeros((600, 1))])
    X[[5, 300], 3] = 1
    detector = fitted(X, som=None, n_maps=8)
    trial = X[:1].copy()
    trial[0, 3] = 1
    members, parts = members_of(detector), halves(X, None, 8, 0)
    seen = [(5 in part) + (300 in part) for part in parts]
    assert set(seen) >= {0, 1}
    added = [(scores_by([m], trial) - scores_by([m], X[:1]))[0] for m in members]
    by_seen = [np.mean([a for a, n in zip(added, seen, strict=True) if n == k]) for k in (0, 1)]
    assert by_seen[0] > 0.8 * by_seen[1]


# What they say together


def test_the_score_is_the_root_of_the_mean_squared_scores():
    detector, X = fitted(), rows_of(20, seed=5)
    of_each = np.array([scores_by([member], X) for member in members_of(detector)])
    assert of_each.shape == (4, 20)
    assert len(np.unique(of_each[:, 0])) == 4
    expected = np.sqrt((of_each**2).mean(axis=0)) + detector.detector_.rarity.scores(X)
    expected += detector.detector_.relation.scores(X)
    np.testing.assert_allclose(-detector.score_samples(X), expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["k_prototype", "quantization_error"])
def test_parts_add_up_to_the_score(method):
    detector, X = fitted(method=method), rows_of(50, seed=5)
    parts = detector.contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(X), rtol=1e-12)
    assert (parts >= 0).all()


def test_parts_are_those_of_each_map_weighted_by_its_score():
    detector, X = fitted(), rows_of(6, seed=5)
    expected = np.zeros((6, 3))
    for member in members_of(detector):
        expected += explained_by([member], X)[1] * scores_by([member], X)[:, None] / 4
    rarity = detector.detector_.rarity
    expected /= (-detector.score_samples(X) - rarity.scores(X))[:, None]
    expected += rarity.parts(X)
    np.testing.assert_allclose(detector.contributions(X), expected, rtol=1e-12)


def test_a_row_is_calibrated_by_the_maps_that_did_not_learn_from_it():
    X = rows_of(40)
    detector = fitted(X, random_state=3)
    members = members_of(detector)
    expected = []
    for row in range(40):
        out = [
            scores_by([member], X[row : row + 1])[0] ** 2
            for member, part in zip(members, halves(X, None, 4, 3), strict=True)
            if row not in part
        ]
        assert len(out) == 2
        expected.append(np.sqrt(np.mean(out)))
    found = detector.detector_.calibration.scores
    added = detector.detector_.rarity.scores(X)
    np.testing.assert_allclose(found, np.sort(expected + added), rtol=1e-12)
    scores = left_out_scores(scores_of_each(members, X), halves(X, None, 4, 3))
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_p_values_of_new_rows_are_uniform():
    distances = []
    for seed in range(8):
        X = np.random.default_rng(seed).normal(size=(1400, 4))
        p = np.sort(fitted(X[:400], som=SOM(5, 6), n_maps=8).p_values(X[400:]))
        distances.append(np.abs(p - np.arange(1, 1001) / 1000).max())
    assert np.mean(distances) < 0.06  # 400 calibration rows alone: 0.04 to 0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_in_another_order_give_the_same_scores(dtype):
    X = rows_of(60).astype(dtype)
    order = np.random.default_rng(1).permutation(60)
    one, other = fitted(X), fitted(X[order])
    np.testing.assert_array_equal(one.score_samples(X), other.score_samples(X))
    np.testing.assert_array_equal(one.p_values(X), other.p_values(X))


def test_weight_two_is_the_row_twice():
    X, weights = rows_of(50), np.ones(50)
    weights[::3] = 2
    twice = np.vstack([X, X[::3]])
    weighted, repeated = fitted(n_maps="auto"), fitted(twice, n_maps="auto")
    weighted.fit(X, sample_weight=weights)
    new = rows_of(9, seed=2)
    np.testing.assert_allclose(weighted.score_samples(new), repeated.score_samples(new), rtol=1e-9)


def test_a_list_depends_less_on_which_rows_were_there():
    X = np.random.default_rng(0).standard_t(4, size=(300, 8))
    shared = {}
    for n_maps in (1, N_MAPS):
        lists = []
        for seed in range(4):
            drawn = np.random.default_rng(seed).integers(300, size=300)
            detector = fitted(X[drawn], som=None, n_maps=n_maps, method="k_prototype")
            lists.append(set(np.argsort(detector.score_samples(X))[:30].tolist()))
        shared[n_maps] = np.mean([len(a & b) for a in lists for b in lists if a is not b])
    assert shared[N_MAPS] > shared[1] + 1


# How many


@pytest.mark.parametrize(
    ("n", "options", "expected"),
    [
        (100, {}, N_MAPS),
        (2000, {}, N_MAPS),
        (2001, {}, 0),
        (100, {"training_is_clean": True}, 0),
        (100, {"n_maps": 1}, 0),
        (2001, {"n_maps": 3}, 3),
        (100, {"training_is_clean": True, "n_maps": 2}, 2),
    ],
)
def test_number_of_maps(n, options, expected):
    som = SOM(2, 3, n_epochs=2)
    detector = fitted(rows_of(n), **({"som": som, "n_maps": "auto"} | options))
    assert len(members_of(detector)) == expected


def test_many_rows_are_calibrated_by_those_that_no_map_saw():
    X = rows_of(20_500)
    detector = fitted(X, som=SOM(2, 3, n_epochs=2), n_maps=2)
    assert len(detector.detector_.calibration.scores) == 500


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (257, ValueError),
        ("many", TypeError),
        (True, TypeError),
    ],
)
def test_a_number_that_cannot_be_is_refused(value, error):
    with rejected(error, parameter="n_maps"):
        fitted(n_maps=value)


def test_a_stream_has_one_map_where_their_number_is_automatic():
    detector = SOMDetector(som=SOM(3, 4), random_state=0).partial_fit(rows_of())
    assert not members_of(detector)
    assert detector.get_params()["n_maps"] == "auto"
    several = SOMDetector(som=SOM(3, 4), n_maps=2, random_state=0).partial_fit(rows_of())
    assert len(members_of(several)) == 2


@pytest.mark.parametrize("known", [0.3, 1.0])
@pytest.mark.parametrize("n_maps", [1, 8])
def test_labels_leave_p_values_of_usual_rows_uniform(n_maps, known):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(430, 3))
    X[400:, :2] += 3
    y = np.repeat([0, 1], [400, 30])
    labels = np.where((rng.random(430) < known) | (y == 1), y, -1)
    detector = SOMDetector(n_maps=n_maps, random_state=0).fit(X, known=labels)
    p = detector.p_values(np.random.default_rng(1).normal(size=(2000, 3)))
    assert 0.02 < (p <= 0.05).mean() < 0.08
    assert 0.36 < (p <= 0.5).mean() < 0.58


# Files and streams


def changed(record, change):
    header, arrays = dict(record.header), dict(record.arrays)
    header["detector"] = dict(header["detector"])
    change(header["detector"], arrays)
    return replace(record, header=header, arrays=arrays)


DAMAGES = {
    "more than there are": lambda header, arrays: header.update(members=5),
    "fewer than there are": lambda header, arrays: header.update(members=3),
    "no number": lambda header, arrays: header.update(members="4"),
    "very many": lambda header, arrays: header.update(members=10**9),
    "no hits": lambda header, arrays: arrays.pop("members.1.hits"),
    "another shape": lambda header, arrays: arrays.update({"members.1.codebook": np.ones((2, 3))}),
    "infinite": lambda header, arrays: arrays.update(
        {"members.1.codebook": np.full((12, 3), np.inf)}
    ),
    "half a decorrelation": lambda header, arrays: arrays.pop("members.1.decorrelation.center"),
    "no matrix": lambda header, arrays: arrays.pop("members.1.decorrelation.matrix"),
    "no matrix at all": lambda header, arrays: [
        arrays.pop(f"members.{i}.decorrelation.matrix") for i in range(4)
    ],
    "nothing usual": lambda header, arrays: (
        arrays.pop("members.1.usual"),
        arrays.update({"members.1.hits": np.zeros(12)}),
    ),
    "a calibration of its own": lambda header, arrays: arrays.update(
        {"members.1.calibration": np.empty(0)}
    ),
    "a number spelled otherwise": lambda header, arrays: arrays.update(
        {"members.01.hits": np.ones(12)}
    ),
    "a part nobody knows": lambda header, arrays: arrays.update({"members.1.lift": np.ones(12)}),
    "a number nobody knows": lambda header, arrays: arrays.update({"members.x.hits": np.ones(12)}),
}


@pytest.mark.parametrize("change", DAMAGES.values(), ids=list(DAMAGES))
def test_members_that_do_not_fit_are_refused(change, tmp_path):
    fitted().detector_.save(tmp_path / "d.som")
    write_record(tmp_path / "bad.som", changed(read_record(tmp_path / "d.som"), change))
    with rejected(MapFileError):
        load(tmp_path / "bad.som")


def refuse(tmp_path, change, **options):
    fitted(**options).detector_.save(tmp_path / "d.som")
    record = changed(read_record(tmp_path / "d.som"), change)
    with pytest.raises(InputError):
        Detector.from_record(record)


def test_members_without_decorrelation_are_read(tmp_path):
    detector = fitted(decorrelate=False)
    detector.detector_.save(tmp_path / "d.som")
    X = rows_of(20, seed=5)
    np.testing.assert_array_equal(load(tmp_path / "d.som").scores(X), -detector.score_samples(X))


def test_a_map_without_detector_has_no_members(tmp_path):
    fitted().detector_.save(tmp_path / "d.som")
    record = read_record(tmp_path / "d.som")
    for name in list(record.arrays):
        if not name.startswith(("codebook", "hits", "history.", "members.")):
            del record.arrays[name]
    record.header["detector"] = None
    with rejected(parameter="members.0.codebook"):
        Map.from_record(record)


def test_a_decorrelation_that_the_header_does_not_name_is_refused(tmp_path):
    refuse(tmp_path, lambda header, arrays: header.pop("metric"), n_maps=1)


def test_a_detector_without_usual_units_is_refused(tmp_path):
    def change(header, arrays):
        del arrays["usual"]
        arrays["hits"] = np.zeros(12)

    for n_maps in (1, 4):
        refuse(tmp_path, change, n_maps=n_maps)


def test_all_maps_go_on_with_more_rows():
    detector = fitted(som=SOM(3, 4, neighborhood="bubble", radius_end=1.5))
    before = members_of(detector)
    detector.partial_fit(rows_of(500, seed=4) + 2)
    after = members_of(detector)
    assert len(after) == 4
    for old, new in zip(before, after, strict=True):
        assert new.map_.hits.sum() == pytest.approx(old.map_.hits.sum() + 500)
        assert not np.array_equal(old.map_.codebook, new.map_.codebook)
        assert new.map_.history["radius"][-1] == 1.5
        assert new.map_.parameters["neighborhood"] == "bubble"
    # What was far away is usual now.
    there = [[2.0, 2.0, 1.5]]
    assert detector.score_samples(there) > fitted().score_samples(there)
