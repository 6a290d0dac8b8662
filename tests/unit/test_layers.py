"""Layers: columns that are scaled together, and what a map of some says of the others."""

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from texts import rejected

from somscape import SOM, SOMClassifier, TableEncoder, load
from somscape.errors import InputError
from somscape.tables import Encoding, table_from_columns
from somscape.tables._recoded import recoded

RNG = np.random.default_rng(0)
NARROW_AND_WIDE = {"narrow": [0], "wide": slice(1, 101)}


def mixed(n=120, seed=0):
    """Rows of three groups, which every layer shows."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 3
    days = np.datetime64("2026-01-05") + (105 * group + rng.integers(0, 2, n)).astype("m8[D]")
    return pd.DataFrame(
        {
            "a": group + 0.1 * rng.normal(size=n),
            "b": 10.0 * group + rng.normal(size=n),
            "job": np.array(["cook", "clerk", "nurse"])[group],
            "size": np.array(["S", "M", "L"])[group],
            "since": days,
            "until": days + rng.integers(0, 9, n).astype("m8[D]"),
        }
    )


LAYERS = {"body": ["a", "size"], "work": ["job", "since", "until"], "lab": ["b"]}
MIXED = {"ordinals": {"size": ["S", "M", "L"]}, "layers": LAYERS}


def squared_apart(rows):
    """The mean squared distance of all pairs of rows, each with itself, too, by its definition."""
    return float(np.mean([((a - rows) ** 2).sum(axis=1) for a in rows]))


def features_of(encoding, layer):
    columns = encoding.roles.layers[layer]
    return [
        j
        for code, place in zip(encoding.features, encoding.slices, strict=True)
        if getattr(code, "sources", (code.name,))[0] in columns
        for j in range(place.start, place.stop)
    ]


def test_two_rows_by_hand():
    # Two rows 0 and 1 apart in each of n columns: half of all pairs differ, by n.
    X = np.array([[0.0] * 101, [1.0] * 101])
    rows = TableEncoder(layers=NARROW_AND_WIDE, layer_weights={"wide": 4}).fit_transform(X)
    np.testing.assert_allclose(rows[1, 0], np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(rows[1, 1:], np.sqrt(4 / 50), rtol=1e-6)


def test_a_map_is_that_of_blocks_scaled_by_hand():
    X = np.hstack([RNG.normal(size=(200, 2)), RNG.uniform(size=(200, 20))])
    layers = {"two": [0, 1], "twenty": range(2, 22)}
    encoder = TableEncoder(layers=layers, layer_weights={"two": 3.0})
    som = SOM(5, 6, encoder=encoder).fit(X)
    plain = TableEncoder().fit_transform(X)
    by_hand = np.hstack(
        [
            block * np.sqrt(weight / squared_apart(block))
            for block, weight in ((plain[:, :2], 3.0), (plain[:, 2:], 1.0))
        ]
    )
    same = SOM(5, 6).fit(by_hand)
    np.testing.assert_array_equal(som.labels_, same.labels_)
    np.testing.assert_allclose(som.codebook_, same.codebook_, atol=1e-5)


def test_every_kind_of_column_is_scaled_and_comes_back():
    frame = mixed()
    encoder = TableEncoder(**MIXED, layer_weights={"body": 100, "work": 0.01}).fit(frame)
    rows, encoding = encoder.transform(frame), encoder.encoding_
    kinds = {code.kind for code in encoding.features}
    assert kinds == {"number", "category", "ordinal", "date", "circle", "days"}
    for layer, weight in {"body": 100, "work": 0.01, "lab": 1}.items():
        found = squared_apart(rows[:, features_of(encoding, layer)])
        assert found == pytest.approx(weight, rel=1e-6)
    back = encoder.inverse_transform(rows)
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_layers_count_what_their_weights_say(data):
    n_columns = data.draw(st.integers(2, 6))
    n_layers = data.draw(st.integers(1, n_columns))
    of = [
        *range(n_layers),
        *data.draw(
            st.lists(
                st.integers(0, n_layers - 1),
                min_size=n_columns - n_layers,
                max_size=n_columns - n_layers,
            )
        ),
    ]
    weights = data.draw(st.lists(st.floats(1e-3, 1e3), min_size=n_layers, max_size=n_layers))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    X = rng.normal(size=(30, n_columns)) * 10.0 ** rng.integers(-6, 6, n_columns)
    X[rng.random(X.shape) < data.draw(st.sampled_from([0.0, 0.2]))] = np.nan
    layers = {str(i): [j for j in range(n_columns) if of[j] == i] for i in range(n_layers)}
    encoder = TableEncoder(
        layers=layers,
        layer_weights={str(i): w for i, w in enumerate(weights)},
        missing="mask",
        numbers=[f"x{j}" for j in range(n_columns)],
    )
    rows = encoder.fit_transform(X)
    for i, weight in enumerate(weights):
        apart = 2 * np.nanvar(rows[:, layers[str(i)]], axis=0).sum()
        assert apart == pytest.approx(weight, rel=1e-5)
    whole = ~np.isnan(X).any(axis=1)
    if whole.any():
        back = encoder.inverse_transform(rows[whole])
        np.testing.assert_allclose(back, X[whole], rtol=1e-6, atol=1e-12)


def test_a_weight_of_two_is_two_rows_and_order_does_not_matter():
    frame = mixed()
    counts = np.arange(len(frame)) % 3
    layered = TableEncoder(**MIXED)
    twice = frame.iloc[np.repeat(np.arange(len(frame)), counts)].iloc[::-1]
    weighted = clone(layered).fit(frame, sample_weight=counts).encoding_
    assert weighted.columns == clone(layered).fit(twice).encoding_.columns


def test_a_slip_does_not_make_its_layer_small():
    X = RNG.normal(size=(200, 4))
    layers = {"one": [0, 1], "other": [2, 3]}
    before = TableEncoder(layers=layers).fit(X).encoding_.used
    X[7, 0] = 1e300
    after = TableEncoder(layers=layers).fit(X).encoding_.used
    assert after[1].factor == pytest.approx(before[1].factor, rel=0.1)


# What a map of some layers says of the others


def nearest(rows, codebook):
    """The nearest prototype of each row, by its definition; NaN does not count."""
    apart = np.nansum((rows[:, None, :] - codebook[None, :, :]) ** 2, axis=2)
    return apart.argmin(axis=1)


@pytest.mark.parametrize("given_layers", ["body", ["lab"], ["body", "lab"], ["work"]])
def test_layers_are_predicted_by_the_nearest_prototype_of_the_others(given_layers):
    frame, new = mixed(), mixed(30, seed=1)
    som = SOM(4, 5, encoder=TableEncoder(**MIXED)).fit(frame)
    names = [given_layers] if isinstance(given_layers, str) else given_layers
    encoding, map_ = som.map_.encoding, som.map_
    seen = [j for name in names for j in features_of(encoding, name)]
    units = nearest(encoding.encode(table_from_columns(new))[:, seen], map_.codebook[:, seen])
    np.testing.assert_array_equal(map_.of_layers(given_layers).winners(new), units)
    columns = [c for name in names for c in LAYERS[name]]
    found = map_.predict_layers(new[columns], given_layers)  # without the other columns
    others = [c for c in frame.columns if c not in columns]
    assert list(found.columns) == others
    for column in others:
        np.testing.assert_array_equal(found[column].to_numpy(), map_.plane(column)[units])
    pd.testing.assert_frame_equal(found, som.predict_layers(new, given_layers))


def test_arrays_have_all_columns_and_those_of_other_layers_do_not_count():
    X = RNG.normal(size=(80, 4))
    som = SOM(3, 4, encoder=TableEncoder(layers={"one": [0, -1], "two": slice(1, 3)})).fit(X)
    assert som.map_.encoding.roles.layers == {"one": ("x0", "x3"), "two": ("x1", "x2")}
    new = RNG.normal(size=(9, 4))
    lacking = new.copy()
    lacking[:, [1, 2]] = np.nan
    found = som.predict_layers(lacking, "one")
    assert list(found.columns) == ["x1", "x2"]
    pd.testing.assert_frame_equal(found, som.predict_layers(new, ["one"]))
    with pytest.raises(ValueError, match="features"):
        som.predict_layers(new[:, [0, 3]], "one")


def test_rows_may_lack_a_whole_layer():
    frame = mixed()
    frame.loc[::2, "b"] = np.nan
    frame.loc[1::4, ["a", "size"]] = None
    som = SOM(4, 5, encoder=TableEncoder(**MIXED, missing="mask")).fit(frame)
    encoding = som.map_.encoding
    rows = encoding.encode(table_from_columns(frame))
    for layer in LAYERS:
        apart = 2 * np.nanvar(rows[:, features_of(encoding, layer)], axis=0).sum()
        assert apart == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_array_equal(som.predict(frame), nearest(rows, som.codebook_))
    # The layers that a row has say what the one that it lacks holds.
    found = som.predict_layers(frame[["a", "size"]], "body")
    is_there = frame["a"].notna().to_numpy()
    whole = mixed()
    assert np.corrcoef(found["b"][is_there], whole["b"][is_there])[0, 1] > 0.95
    # A row without any value of the given layer has no unit, and nothing is made up for it.
    assert found[~is_there].isna().to_numpy().all()


def test_a_layer_of_next_to_no_weight_moves_nothing_and_is_predicted():
    X = RNG.normal(size=(300, 4))
    X[:, 3] = 3 * X[:, 0] + 0.1 * RNG.normal(size=300)
    alone = SOM(6, 6, encoder=TableEncoder(layers={"seen": slice(0, 3)})).fit(X[:, :3])
    layers = {"seen": slice(0, 3), "told": [3]}
    encoder = TableEncoder(layers=layers, layer_weights={"told": 1e-9})
    som = SOM(6, 6, encoder=encoder).fit(X)
    np.testing.assert_array_equal(som.labels_, alone.labels_)
    found = som.predict_layers(X, "seen")["x3"]
    assert np.corrcoef(found, X[:, 3])[0, 1] > 0.8
    assert som.explain_defaults_["encoder"].endswith("in the layers 'seen', 'told'.")


def test_a_map_of_layers_is_a_map():
    frame = mixed()
    weight = {"a": 2.0, "b": 0.5}
    som = SOM(4, 5, encoder=TableEncoder(**MIXED), feature_weight=weight).fit(frame)
    part = som.map_.of_layers(["body", "lab"])
    assert (part.n_units, part.codebook.shape[1]) == (20, 3)
    np.testing.assert_array_equal(part.plane("a"), som.map_.plane("a"))
    assert part.metric.feature_weights.tolist() == [2.0, 0.5, 1.0]
    assert part.locate(frame[["a", "b", "size"]]).shape == (120, 6)
    assert part.of_layers("lab").codebook.shape[1] == 1
    assert part.u_heights.shape == (20,)
    assert list(part.predict_layers(frame, "lab").columns) == ["a", "size"]


def test_layers_are_saved(tmp_path):
    frame = mixed()
    som = SOM(4, 5, encoder=TableEncoder(**MIXED, layer_weights={"lab": 2})).fit(frame)
    som.map_.save(tmp_path / "m.som")
    again = load(tmp_path / "m.som")
    assert again.encoding == som.map_.encoding
    assert again.encoding.roles.layer_weights == {"lab": 2.0}
    np.testing.assert_array_equal(again.winners(frame), som.labels_)
    pd.testing.assert_frame_equal(
        again.predict_layers(frame[["b"]], "lab"), som.predict_layers(frame, "lab")
    )
    again.save(tmp_path / "n.som")
    assert (tmp_path / "n.som").read_bytes() == (tmp_path / "m.som").read_bytes()
    for same in (pickle.loads(pickle.dumps(som)), copy.deepcopy(som)):
        assert same.map_.encoding == som.map_.encoding


@pytest.mark.parametrize("factor", [0.0, -1.0, "2"])
def test_a_file_with_an_impossible_factor_is_refused(factor):
    data = TableEncoder(**MIXED).fit(mixed()).encoding_.to_json()
    assert Encoding.from_json(json.loads(json.dumps(data)))
    data["columns"][0]["factor"] = factor
    with rejected(ValueError):
        Encoding.from_json(data)


def test_a_file_whose_layers_are_of_other_columns_is_refused_when_asked():
    som = SOM(3, 3, encoder=TableEncoder(**MIXED)).fit(mixed())
    encoding = som.map_.encoding
    wrong = replace(encoding, roles=replace(encoding.roles, layers={"body": ("no",)}))
    with rejected(parameter="layers", column="no", value="body"):
        replace(som.map_, encoding=wrong).of_layers("body")


def test_a_roles_file_keeps_layers(tmp_path):
    frame = mixed()
    encoder = TableEncoder(**MIXED, layer_weights={"lab": 0.5}).fit(frame)
    encoder.save_roles(tmp_path / "roles.toml")
    again = TableEncoder.from_roles(tmp_path / "roles.toml").fit(frame)
    np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))
    numbered = TableEncoder(layers={"a": [0], "b": slice(1, 3)}).fit(RNG.normal(size=(20, 3)))
    numbered.save_roles(tmp_path / "array.toml")
    assert TableEncoder.from_roles(tmp_path / "array.toml").layers == {
        "a": ("x0",),
        "b": ("x1", "x2"),
    }


def test_rows_of_other_layers_are_recoded():
    frame = mixed()
    was = TableEncoder(**MIXED, layer_weights={"work": 5}).fit(frame).encoding_
    now = TableEncoder(**MIXED | {"layers": None}).fit(frame).encoding_
    table = table_from_columns(frame)
    # "days from since to until" is in both: its dates are in one layer.
    np.testing.assert_allclose(recoded(was.encode(table), was, now), now.encode(table), atol=1e-6)
    np.testing.assert_allclose(recoded(now.encode(table), now, was), was.encode(table), atol=1e-5)


def test_days_between_dates_of_two_layers_are_no_feature():
    layers = {"work": ["job", "since", "b"], "body": ["a", "size", "until"]}
    names = {part.name for part in TableEncoder(**MIXED).fit(mixed()).encoding_.parts}
    apart = TableEncoder(**MIXED | {"layers": layers}).fit(mixed()).encoding_
    assert names - {part.name for part in apart.parts} == {"days from since to until"}


# What is refused, in one line


def refuse(facts, error=InputError, X=None, **parameters):
    X = np.arange(40.0).reshape(10, 4) ** 2 if X is None else X
    with rejected(error, **facts) as caught:
        TableEncoder(**parameters).fit(X)
    assert "\n" not in str(caught.value)


WHOLE = {"a": [0, 1], "b": [2, 3]}


@pytest.mark.parametrize(
    ("layers", "weights", "facts"),
    [
        ({"a": [0, 1], "b": [1, 2, 3]}, None, {"column": "x1"}),
        ({"a": [0, 1], "b": [3]}, None, {"column": "x2"}),
        ({"a": [0, 1], "b": [2, 3, "x9"]}, None, {"column": "x9", "value": "b"}),
        ({"a": [0, 1], "b": [2, 4]}, None, {"value": 4, "allowed": 4}),
        ({"a": slice(0, 4), "b": []}, None, {"value": []}),
        ({"a": slice(0, 4), "b": slice(9, 12)}, None, {"value": slice(9, 12)}),
        (WHOLE, {"c": 2}, {"parameter": "layer_weights", "value": "c", "allowed": ["a", "b"]}),
        (None, {"a": 2}, {"parameter": "layer_weights", "value": "a", "allowed": []}),
        *(
            (WHOLE, {"a": wrong}, {"parameter": "layer_weights", "value": wrong})
            for wrong in (0, -1.0, float("nan"), float("inf"), 1e-300, "2", True, None)
        ),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit_are_refused(layers, weights, facts):
    refuse({"parameter": "layers"} | facts, layers=layers, layer_weights=weights)


@pytest.mark.parametrize(
    "layers",
    [
        [[0, 1], [2, 3]],
        {0: [0, 1]},
        {"a": "x0"},
        {"a": 1},
        {"a": [True, False]},
        {"a": [0.5]},
        {"a": slice(0, 4, 0)},
        {"a": slice("x0", "x2")},
        {"a": iter([0, 1])},
        [],
        np.eye(2),
    ],
)
def test_layers_of_another_type_are_refused(layers):
    wrong = layers["a"] if isinstance(layers, dict) and "a" in layers else layers
    refuse({"parameter": "layers", "value": wrong}, TypeError, layers=layers)


def test_weights_of_layers_of_another_type_are_refused():
    facts = {"parameter": "layer_weights", "value": [1, 2]}
    refuse(facts, TypeError, layers=WHOLE, layer_weights=[1, 2])


def test_numbers_are_refused_where_they_may_be_names():
    frame = pd.DataFrame(np.arange(40.0).reshape(10, 4) ** 2, columns=[3, 2, 1, 0])
    facts = {"parameter": "layers", "column": 3}
    refuse(facts, X=frame, layers={"a": [3, 2], "b": [1, 0]})
    by_name = {"a": ["3", "2"], "b": ["1", "0"]}
    assert TableEncoder(layers=by_name).fit(frame).encoding_.roles.layers["a"] == ("3", "2")
    by_both = pd.DataFrame(frame.to_numpy())  # columns 0 to 3: number and name agree
    assert TableEncoder(layers=WHOLE).fit(by_both).encoding_.roles.layers["b"] == ("2", "3")


def test_numbers_need_data(tmp_path):
    with rejected(parameter="layers"):
        TableEncoder(layers=WHOLE).save_roles(tmp_path / "roles.toml")


@pytest.mark.parametrize("given", [None, 1, 3.5, b"a"])
def test_layers_are_asked_for_by_name(given):
    encoder = TableEncoder(layers=WHOLE)
    som = SOM(2, 2, encoder=encoder).fit(np.arange(40.0).reshape(10, 4) ** 2)
    with rejected(parameter="layers", value=given):
        som.map_.of_layers(given)


def test_a_layer_that_does_not_vary_is_refused():
    X = np.arange(40.0).reshape(10, 4) ** 2
    X[:, :2] = 0.1
    refuse({"parameter": "layers", "value": "a"}, X=X, layers=WHOLE)
    refuse(
        {"parameter": "layers", "value": "one"},
        X=mixed().assign(size="M"),
        ordinals={"size": ["S", "M", "L"]},
        layers={"one": ["size"], "two": ["a", "b", "job", "since", "until"]},
    )
    refuse({"parameter": "layers", "value": "a"}, layers=WHOLE, drop=["x0", "x1"])


def test_columns_that_are_no_features_need_no_layer():
    frame = mixed().assign(id=np.arange(120), sick="no", always=1)
    encoder = TableEncoder(**MIXED, id="id", label="sick").fit(frame)
    assert encoder.encoding_.n_features == TableEncoder(**MIXED).fit(mixed()).encoding_.n_features


def test_questions_about_layers_that_are_not_there():
    frame = mixed()
    layered = SOM(3, 3, encoder=TableEncoder(**MIXED)).fit(frame)
    plain = SOM(3, 3, encoder=TableEncoder()).fit(frame)
    numbers = TableEncoder(layers={"one": ["a"], "two": ["b"]})
    turned = SOM(3, 3, encoder=numbers, metric="mahalanobis").fit(frame[["a", "b"]])
    blind = SOM(3, 3, encoder=numbers, feature_weight={"a": 0}).fit(frame[["a", "b"]])
    names = ["body", "work", "lab"]
    for som, given_layers, facts in (
        (plain, "lab", {"parameter": "layers", "value": ["lab"]}),
        (layered, "labs", {"parameter": "layers", "value": "labs", "allowed": names}),
        (layered, [], {"parameter": "layers", "allowed": names}),
        (layered, list(LAYERS), {"parameter": "given"}),
        (turned, "one", {"parameter": "layers", "value": ["one"]}),
        (blind, "one", {"parameter": "layers", "value": ["one"]}),
    ):
        with rejected(**facts) as caught:
            som.predict_layers(frame, given_layers)
        assert "\n" not in str(caught.value)
    with rejected(file="X", column="b"):
        layered.predict_layers(frame[["a"]], "lab")


def test_the_map_of_a_classifier_says_why_it_does_not_answer_by_layer():
    frame = mixed()
    numbers = TableEncoder(layers={"one": ["a"], "two": ["b"]})
    classifier = SOMClassifier(SOM(3, 3), encoder=numbers, random_state=0)
    map_ = classifier.fit(frame[["a", "b"]], frame["a"] > 0).map_
    for ask in (map_.of_layers, lambda name: map_.predict_layers(frame[["a"]], name)):
        with rejected(parameter="layers"):
            ask("one")
