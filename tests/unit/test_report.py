"""The report's data and its page, without a browser; tests/browser opens it in one."""

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, cast

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Lattice, Map, SOMDetector, TableEncoder, measures, regions, report
from somscape.errors import InputError
from somscape.outliers import AlertRule, Alerts, Calibration, Detector, Finding, Scorer
from somscape.outliers.calibration import adjusted, usual_share
from somscape.regions import Regions
from somscape.report._parts import N_BARS, Histogram
from somscape.tables import Encoding, Table, per, table_from_columns
from somscape.tables.codes import UnusedColumn

HOSTILE = "</script><script>alert('&\u2028\u2029')</script>"


@dataclass(frozen=True)
class Why:
    column: str = "x"
    value: str = "2"
    usual: str = "0 to 1"
    share: float = 2 / 3
    at: float | None = 2.0
    usual_at: tuple[float, float] | None = (0.0, 1.0)
    is_usual_alone: bool = False
    occurs: str | None = None
    fitting: str | None = None
    is_rule: bool = False


@dataclass(frozen=True)
class Ranked:
    """What `build` reads of `Alerts`, with numbers chosen by hand."""

    id_name: str = "record"
    ids: list[str] = field(default_factory=lambda: ["3", "1", "2"])
    rows: Any = field(default_factory=lambda: np.array([2, 0, 1]))
    scores: Any = field(default_factory=lambda: np.array([0.9, 0.4, 0.2]))
    p_values: Any = field(default_factory=lambda: np.array([0.25, 0.5, 1.0]))
    units: Any = field(default_factory=lambda: np.array([1, 0, 0]))
    reasons: list[tuple[Why, ...]] = field(default_factory=lambda: [(Why(),)])
    n_alerts: int = 1
    headline: str = "1 of 3 rows stands out (fewer than one of them by chance)"
    n_stand_out: int = 1
    n_by_chance: float = 0.25
    n_before_line: int | None = None
    findings: tuple[Finding, ...] = ()
    effects: tuple[str, ...] = ()
    n_left_out: int = 0
    noun: str = "row"

    @property
    def shown(self) -> "Ranked":
        return self


def small_detector(map_: Map | None = None) -> Detector:
    whole = Scorer(map_ or small_map(), "k_prototype", 5)
    return Detector(whole, 0.5, Calibration(np.array([0.1])))


def small_map() -> Map:
    """Return a 1 x 3 map at 0, 2 and 4; the third unit wins nothing."""
    return Map(
        np.array([[0.0], [2.0], [4.0]]),
        Lattice(1, 3),
        Encoding.plain(["x"]),
        np.array([2.0, 1.0, 0.0]),
        {"step": np.array([1.0]), "radius": np.array([0.5]), "movement": np.array([np.nan])},
        {"seed": 0, "n_epochs": np.int64(3), "init": "pca"},
        {"somscape": "1.2.3"},
    )


def small_table(note: str = "plain") -> Table:
    return table_from_columns({"x": [0.5, -0.5, 2.25], "note": [None, "b", note]}, "small.csv")


def small_data(
    map_: Map | Detector | None = None, table: Table | None = None, **options: Any
) -> report.Report:
    ranked = cast(Alerts, Ranked())  # what a report reads of alerts, by hand
    return report.build(map_ or small_detector(), table or small_table(), ranked, **options)


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    amounts = rng.lognormal(3, 1, 80)
    amounts[7] = 9_000
    table = table_from_columns(
        {
            "id": [f"{HOSTILE} {i}" for i in range(80)],
            "amount": amounts,
            "kind": rng.choice(["a", "b", HOSTILE], 80),
            "label": rng.integers(0, 2, 80),
        }
    )
    encoder = TableEncoder(label="label", max_levels=None)
    detector = SOMDetector(encoder=encoder, random_state=0).fit(table).detector_
    return report.build(detector, table, detector.alerts(table, 5), command="somscape detect")


# Data


def test_planes_by_unit_are_worked_out_from_the_ranked_rows() -> None:
    planes = {plane["key"]: plane for plane in small_data()["planes"]}
    # Rows 1 and 2 (scores 0.4 and 0.2) lie in unit 0, row 3 (0.9, the alert) in unit 1.
    assert planes["hits"]["values"] == [2, 1, 0]
    assert planes["alerts"]["values"] == [0, 1, 0]
    assert planes["mean_score"]["values"] == [(0.4 + 0.2) / 2, 0.9, None]
    assert planes["u_heights"]["values"] == [2, 2, 2]
    assert planes["column_0"]["values"] == [0, 2, 4]


def test_rows_come_most_unusual_first_with_their_original_cells() -> None:
    rows = small_data()["rows"]
    assert rows["ids"] == ["3", "1", "2"]
    assert rows["numbers"] == [2, 0, 1]
    assert rows["cells"][0] == {"name": "x", "values": ["2.25", "0.5", "-0.5"]}
    assert rows["cells"][1] == {"name": "note", "values": ["plain", None, "b"]}


def test_what_stands_out_is_that_of_the_alerts() -> None:
    data = small_data()
    keys = ("headline", "n_stand_out", "n_by_chance", "n_before_line", "n_alerts")
    says = "1 of 3 rows stands out (fewer than one of them by chance)"
    assert [data[key] for key in keys] == [says, 1, 0.25, None, 1]
    ranked = Ranked(headline=HOSTILE, n_stand_out=2, n_by_chance=1 / 3, n_before_line=1)
    data = report.build(small_detector(), small_table(), cast(Alerts, ranked))
    assert [data[key] for key in keys] == [HOSTILE, 2, pytest.approx(1 / 3), 1, 1]
    assert HOSTILE not in report.render(data)


@pytest.mark.parametrize(("n_far", "n_asked"), [(0, None), (4, None), (25, None), (4, 3), (25, 40)])
def test_the_line_is_that_of_the_list(n_far: int, n_asked: int | None) -> None:
    rng = np.random.default_rng(n_far)
    X = rng.normal(size=(300, 3))
    X[:n_far] += rng.choice([-9.0, 9.0], size=(n_far, 3))
    table = table_from_columns({f"x{i}": column for i, column in enumerate(X.T)})
    detector = SOMDetector(n_maps=1, random_state=0).fit(table).detector_
    rule = AlertRule(n_alerts=n_asked)
    alerts = detector._alerts_by(rule, table)
    data = report.build(detector, table, alerts, rule=rule)
    n = int((adjusted(alerts.p_values) * usual_share(alerts.p_values) <= 0.2).sum())
    assert n >= n_far
    assert (data["n_stand_out"], data["headline"]) == (n, alerts.headline)
    assert data["n_alerts"] == (n_asked or min(n, 50) or 10)  # not the rows that only fill the list
    assert data["n_before_line"] == (n if 0 < n < data["n_alerts"] else None)
    by_chance = max([0.0, *alerts.p_values[:n]]) * usual_share(alerts.p_values) * 300
    assert data["n_by_chance"] == pytest.approx(by_chance, rel=1e-5)


def test_reasons_are_those_of_the_alerts() -> None:
    expected = {"column": "x", "value": "2", "usual": "0 to 1", "share": 2 / 3}
    assert small_data()["reasons"] == [[expected | {"at": 2, "usual_at": [0, 1]}]]
    ranked = Ranked(reasons=[(Why(fitting="0.5"),)])
    table = table_from_columns({"x": [-8.0, 0.5, 2.25]})
    data = report.build(small_detector(), table, cast(Alerts, ranked))
    assert data["reasons"] == [[expected | {"at": 2, "usual_at": [0, 1], "fitting": "0.5"}]]


def test_quality_is_measured_on_the_rows() -> None:
    # Distances to the winners 0, 0 and 2: 0.5, 0.5, 0.25.  Every second winner is next door.
    assert small_data()["quality"] == {
        "quantization_error": 1.25 / 3,
        "topographic_error": 0,
        "n_units": 3,
        "n_empty": 1,
    }


def test_id_column_stands_in_the_ids_and_not_among_the_cells(real: dict[str, Any]) -> None:
    assert real["id_name"] == "id"
    assert [c["name"] for c in real["rows"]["cells"]] == ["amount", "kind", "label"]
    assert [c["kind"] for c in real["columns"]] == ["id", "number", "category", "label"]


def test_column_that_the_table_lacks_has_no_count_of_missing_cells() -> None:
    encoding = Encoding((*small_map().encoding.columns, UnusedColumn("y", "label", "label")))
    base = small_map()
    map_ = Map(base.codebook, base.lattice, encoding, base.hits)
    data = small_data(map_)
    assert [c["n_missing"] for c in data["columns"]] == [0, None]
    assert "counts" not in data["columns"][1]
    assert data["score"] is None
    assert data["history"] == {}


@pytest.mark.parametrize(("n_maps", "expected"), [(1, 1), (2, 2), ("auto", 4)])
def test_the_score_says_how_many_maps_give_it(n_maps: Any, expected: int) -> None:
    x = np.random.default_rng(0).normal(size=40)
    table = table_from_columns({"x": x, "y": x**2})
    detector = SOMDetector(n_maps=n_maps, som=SOM(2, 3), random_state=0).fit(table).detector_
    score = report.build(detector, table)["score"]
    assert score.keys() == {"name", "n_prototypes", "n_maps", "threshold"}
    assert score["n_maps"] == expected


def test_long_tables_are_listed_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somscape.report._build.MAX_LISTED", 2)
    # Row 1 is the usual row nearest to the alert; row 2, the least unusual, is not named.
    monkeypatch.setattr("somscape.report._parts.N_USUAL", 1)
    data = small_data()
    assert (data["n_rows"], data["n_listed"]) == (3, 2)
    assert data["rows"]["ids"] == ["3", "1"]
    assert data["planes"][1]["values"] == [2, 1, 0]  # the map still counts every row


def test_wide_tables_leave_planes_out_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    # On 3 units; one plane is for regions, and x, which trained the map, comes before the note.
    monkeypatch.setattr("somscape.report._parts.MAX_PLANE_VALUES", 17)
    data = small_data()
    assert [plane["group"] for plane in data["planes"]] == ["map"] * 5
    assert data["n_planes_left_out"] == 2
    monkeypatch.setattr("somscape.report._parts.MAX_PLANE_VALUES", 23)
    data = small_data()
    assert [plane["name"] for plane in data["planes"][5:]] == ["x"]
    assert data["n_planes_left_out"] == 1


def test_the_quality_of_a_cell_is_the_mean_distance_of_its_rows() -> None:
    planes = {plane["key"]: plane for plane in small_data()["planes"]}
    # 0.5 and -0.5 lie 0.5 from the prototype at 0, and 2.25 lies 0.25 from the one at 2.
    assert planes["quality"]["values"] == [0.5, 0.25, None]
    # Without a detector, rows are ranked by it.
    assert "quality" not in {plane["key"] for plane in small_data(small_map())["planes"]}


def test_columns_that_did_not_train_the_map_color_it() -> None:
    table = table_from_columns(
        {
            "x": [0.5, -0.5, 2.25],
            "income": [10.0, None, 7.0],
            "sex": ["f", "m", "f"],
            "town": ["c", "b", "a"],
            "same": ["s", "s", "s"],
            "record": ["r", "s", "t"],  # by which `Ranked` names rows
        },
        "small.csv",
    )
    planes = [plane for plane in small_data(table=table)["planes"] if plane["group"] == "other"]
    # Rows 1 and 2 lie in unit 0, row 3 in unit 1, none in unit 2.
    assert [(p["name"], p["kind"], p["levels"], p["values"]) for p in planes] == [
        ("income", "number", [], [10, 7, None]),
        ("sex", "share", ["m"], [0.5, 0, None]),
        # Of two that are as frequent, the first in the order of the table's values.
        ("town", "level", ["a", "b", "c"], [1, 0, None]),
    ]


def test_a_column_of_many_values_and_the_label_are_no_such_plane() -> None:
    rng = np.random.default_rng(0)
    table = table_from_columns(
        {
            "x": rng.normal(size=60),
            "name": [f"name {i}" for i in range(60)],
            "outcome": rng.choice(["yes", "no"], 60),
            "town": rng.choice(["a", "b", "c"], 60),
        }
    )
    map_ = SOM(2, 3, random_state=0).fit(table.select(["x"])).map_
    data = report.build(map_, table, agreement={"label": "outcome", "value": "yes"})
    assert [plane["name"] for plane in data["planes"] if plane["group"] == "other"] == ["town"]
    town = next(plane for plane in data["planes"] if plane["name"] == "town")
    cells, units = table.column("town").cells, map_.winners(table)
    for unit, level in enumerate(town["values"]):
        own = list(cells[units == unit])
        assert own.count(town["levels"][level]) == max(own.count(each) for each in "abc")


def test_regions_say_what_was_given_to_them_and_how_units_join() -> None:
    found = Regions(small_map(), np.array([0, 1, 1]), names=("", "few"), colors=("#aa3300", ""))
    data = small_data(regions=found)
    looks = [(region["is_named"], region["color"]) for region in data["regions"]]
    assert looks == [(False, "#aa3300"), (True, "")]
    assert data["regions"][1]["name"] == "few"
    assert data["map"]["hits"] == [2, 1, 0]
    # Three units join in two steps.
    assert data["map"]["joins"] == regions.order_of_joins(small_map()).tolist()
    assert len(data["map"]["joins"]) == 2


def test_data_survives_json_unchanged(real: dict[str, Any]) -> None:
    for data in (real, small_data(agreement={"auroc": np.float64(0.5), "lift": float("nan")})):
        assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_numbers_have_all_their_digits(real: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    table = table_from_columns({"x": rng.lognormal(3, 1, 90), "y": rng.normal(size=90)})
    detector = SOMDetector(random_state=0).fit(table).detector_
    data, alerts, map_ = report.build(detector, table), detector.alerts(table), detector.map_
    planes = {plane["key"]: plane["values"] for plane in data["planes"]}
    assert data["score"]["threshold"] == detector.threshold
    assert data["rows"]["scores"] == alerts.scores.tolist()
    assert planes["column_0"] == map_.plane("x").tolist()
    assert planes["u_heights"] == map_.u_heights.tolist()
    units, scores = alerts.units, alerts.scores
    for unit, mean in enumerate(planes["mean_score"]):
        own = scores[units == unit]
        assert mean == (pytest.approx(own.mean(), rel=1e-14) if len(own) else None)
    told = [r["share"] for row in data["reasons"] for r in row]
    assert told == [r.share for row in alerts.shown.reasons for r in row]
    assert max(len(str(share)) for share in told) > 10
    assert data["history"]["quantization_error"] == map_.history["quantization_error"].tolist()
    assert data["quality"]["quantization_error"] == measures.quantization_error(map_, table)


def test_levels_and_ends_of_bars_are_as_exact_as_the_way_back() -> None:
    tenths = [i / 10 for i in range(1, 21)] * 5
    table = table_from_columns({"x": tenths, "y": np.random.default_rng(0).normal(size=100)})
    detector = SOMDetector(random_state=0).fit(table)
    data = report.build(detector, table)
    assert data["columns"][0]["levels"] == tenths[:20]


# Page


def data_in(page: str) -> Any:
    text = page.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    return json.loads(text)


def test_page_holds_the_data_unchanged(real: dict[str, Any]) -> None:
    assert data_in(report.render(real)) == real


def test_hostile_cells_cannot_leave_the_data(real: dict[str, Any]) -> None:
    page = report.render(real)
    text = re.search(r'id="data">(.*?)</script>', page)
    assert text
    assert not re.search("[<>&]", text[1])
    assert "alert(" not in page.replace(text[1], "")
    assert page.count("<script") == page.count("</script>") == 2
    assert not re.search("[\u2028\u2029]", page)


def test_hostile_title_is_escaped() -> None:
    page = report.render(small_data(title="$data <b>&"))
    assert page.count("$data &lt;b&gt;&amp;") == 2
    assert "<b>&" not in page


def test_policy_allows_the_one_style_and_the_one_script() -> None:
    page = report.render(small_data())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    script = re.search(r"<script type=\"module\">(.*?)</script>", page, re.DOTALL)
    assert style
    assert script
    for kind, found in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]


TEMPLATES = sorted(
    file.name
    for file in (files("somscape.report") / "templates").iterdir()
    if file.name[-3:] != ".md"
)


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_load_nothing_make_no_markup_and_accuse_nobody(name: str) -> None:
    text = (files("somscape.report") / "templates" / name).read_text(encoding="utf-8").lower()
    for word in (
        "http://",
        "https://",
        "innerhtml",
        "outerhtml",
        "document.write",
        "eval(",
        "fraud",
    ):
        assert word not in text
    assert not re.search(r"(?<!object)url\(", text)  # a blob that is saved is no request
    assert " style=" not in text
    assert not re.search(r"\son\w+=", text)


# Cases and columns


def test_the_first_alerts_say_what_would_make_them_usual(
    real: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [case["counterfactual"] for case in real["cases"]]
    assert len(said) == 5
    n = min(real["n_stand_out"], 5)
    assert n
    assert all(text.startswith("would be usual with ") for text in said[:n])
    # By hand: 2.25 is 0.25 from the prototype at 2, so that it is usual as it is.
    assert [case["counterfactual"] for case in small_data()["cases"]] == [None]
    monkeypatch.setattr("somscape.report._parts.MAX_CASES", 0)
    assert small_data()["cases"] == []


def test_cases_name_the_nearest_usual_rows_by_rank() -> None:
    # The alert lies at 2.25; the others, usual as their scores are below 0.5, at 0.5 and -0.5.
    assert small_data()["cases"][0]["usual"] == [[1, 1.75], [2, 2.75]]


def test_rows_that_cases_name_come_after_the_listed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somscape.report._build.MAX_LISTED", 1)
    rows = small_data()["rows"]
    assert (rows["ranks"], rows["ids"], rows["numbers"]) == ([0, 1, 2], ["3", "1", "2"], [2, 0, 1])


def test_labels_give_planes_the_rows_alike_and_the_share_around() -> None:
    base = small_map()
    columns = (*base.encoding.columns, UnusedColumn("label", "told", "label"))
    map_ = Map(base.codebook, base.lattice, Encoding(columns), base.hits)
    table = table_from_columns({"x": [0.5, -0.5, 2.25], "label": ["bad", None, "good"]})
    agreement = {"label": "label", "value": "bad"}
    data = small_data(small_detector(map_), table, agreement=agreement)
    planes = {plane["levels"][0]: plane for plane in data["planes"] if plane["group"] == "label"}
    # In unit 0 one known row, which is bad; in unit 1 one that is good; nobody in unit 2.
    assert planes["bad"]["values"] == [1, 0, None]
    assert planes["good"]["values"] == [0, 1, None]
    case = data["cases"][0]
    assert case["labelled"] == [[1, 1.75]]
    assert (case["around"]["n_known"], case["around"]["n_with"]) == (2, 1)
    # Wilson's interval for 1 of 2, from its formula.
    z = 1.959963984540054
    half = z * np.sqrt(1 / 8 + z**2 / 16) / (1 + z**2 / 2)
    ends = (case["around"]["low"], case["around"]["high"])
    assert ends == pytest.approx((0.5 - half, 0.5 + half), rel=1e-14)


def test_dates_color_the_map_by_days() -> None:
    days = [f"2024-01-{1 + i % 28:02}" for i in range(60)]
    table = table_from_columns({"day": days, "x": range(60)})
    encoder = TableEncoder(dates=["day"])
    detector = SOMDetector(encoder=encoder, random_state=0).fit(table).detector_
    data = report.build(detector, table, detector.alerts(table, 2))
    plane = next(plane for plane in data["planes"] if plane["name"] == "day")
    assert plane["kind"] == "date"
    # The first of January 2024 is day 19723.
    expected = (detector.map_.plane("day") - np.datetime64("1970-01-01")).astype(float)
    assert plane["values"] == pytest.approx(expected, abs=0.05)
    assert 19723 <= min(plane["values"]) < max(plane["values"]) <= 19723 + 27
    assert next(c for c in data["columns"] if c["name"] == "day")["edges"][0] == "2024-01-01"


def test_regions_are_counted_by_hand() -> None:
    # Units 0 and 1 of `small_map` are one region, unit 2 the other; the rows lie in 1, 0 and 0.
    map_ = small_map()
    data = small_data(small_detector(map_), regions=Regions(map_, np.array([0, 0, 1])))
    first, second = data["regions"]
    assert (first["n_rows"], first["n_units"], first["n_alerts"]) == (3, 2, 1)
    assert first["mean_score"] == 0.5
    assert (second["n_rows"], second["mean_score"], second["name"]) == (0, None, "no rows")
    plane = data["planes"][1]
    assert (plane["key"], plane["kind"], plane["group"]) == ("regions", "region", "map")
    assert plane["values"] == [0, 0, 1]
    assert plane["levels"] == [first["name"], second["name"]]


def plain_map_and_table() -> tuple[Map, Table]:
    table = table_from_columns({"x": np.random.default_rng(0).normal(size=60)})
    return SOM(2, 3, random_state=0).fit(table).map_, table


def test_map_without_detector_ranks_by_distance_and_has_no_alerts() -> None:
    map_, table = plain_map_and_table()
    data = report.build(map_, table)
    distances = np.sort(np.abs(map_.rows_of(table) - map_.codebook[:, 0]).min(axis=1))[::-1]
    assert data["rows"]["scores"] == pytest.approx(distances, abs=1e-6)
    assert (data["n_alerts"], data["score"], data["cases"], data["reasons"]) == (0, None, [], [])
    assert (data["n_stand_out"], data["n_by_chance"], data["n_before_line"]) == (0, 0, None)
    assert data["rows"]["p_values"] == [None] * 60
    assert data["title"] == "Map of table"
    keys = {plane["key"]: plane for plane in data["planes"]}
    assert "alerts" not in keys
    assert keys["mean_score"]["name"] == "Mean distance to their prototype"


def test_row_without_any_value_has_no_place_on_a_map_without_detector() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[0, 0] = np.nan
    map_ = SOM(2, 3, random_state=0, missing="mask").fit(X).map_
    first, second = map_.encoding.feature_names
    table = table_from_columns({first: [None, 1.0, None], second: [1.0, 2.0, None]})
    assert report.build(map_, table.take(np.array([0, 1])))["n_rows"] == 2
    with rejected(file="table", row=2):
        report.build(map_, table)


def test_alerts_are_ranked_where_none_are_given() -> None:
    rng = np.random.default_rng(2)
    table = table_from_columns({"x": rng.normal(size=80), "y": rng.normal(size=80)})
    detector = SOMDetector(random_state=0).fit(table)
    for thing in (detector.detector_, detector):
        told = report.build(thing, table, detector.alerts(table), rule=AlertRule())
        assert report.build(thing, table) == told
        assert report.build(thing, table, detector.alerts(table)) == {**told, "rule": None}


@pytest.mark.parametrize(
    ("agreement", "error"),
    [
        ("note", TypeError),
        ({"label": "nope"}, InputError),
        ({"label": "note", "value": "maybe"}, InputError),
        ({"label": "x", "value": 7}, InputError),
    ],
)
def test_an_agreement_with_what_is_not_there_is_refused(
    agreement: Any, error: type[Exception]
) -> None:
    with rejected(error, parameter="agreement"):
        small_data(agreement=agreement)


def test_the_value_of_a_label_may_be_a_number() -> None:
    assert small_data(agreement={"label": "x", "value": 2.25})["agreement"]["value"] == "2.25"


def test_other_things_than_a_table_or_a_report_say_what_to_write() -> None:
    with rejected(TypeError, parameter="table", value="ndarray"):
        report.build(small_detector(), np.zeros((3, 1)))
    with rejected(TypeError, parameter="data", value="Detector"):
        report.render(small_detector())


def test_histograms_count_rows_and_alerts_by_value() -> None:
    column = small_data()["columns"][0]
    assert column["levels"] == [-0.5, 0.5, 2.25]
    assert (column["counts"], column["alert_counts"]) == ([1, 1, 1], [0, 0, 1])
    assert column["bars"] == "cba"  # the rows by rank
    assert column["axis"] == [-0.5, 2.25]
    # By hand: squared distances 0.25, 0.25, 0.0625 against 3.875 around the mean of 0.75.
    assert column["explained"] == pytest.approx(1 - 0.5625 / 3.875, rel=1e-5)


def test_nothing_is_explained_in_a_column_without_variance() -> None:
    encoding = Encoding.plain(["x", "y"])
    map_ = Map(np.array([[0.0, 5.0], [2.0, 7.0]]), Lattice(1, 2), encoding, np.array([2.0, 1.0]))
    table = table_from_columns({"x": [0.5, -0.5, 2.25], "y": [0.1] * 3}, "small.csv")
    x, y = small_data(map_, table)["columns"]
    assert x["explained"] == pytest.approx(1 - 0.5625 / 3.875, rel=1e-5)  # by hand, as above
    assert y["explained"] is None


def test_histogram_of_many_values_has_ranges_that_hold_every_row() -> None:
    code = Encoding.plain(["x"]).features[0]
    values = np.append(np.random.default_rng(0).normal(size=500), np.nan)[:, None]
    histogram = Histogram.fit(code, values)
    assert histogram.edges is not None
    assert (len(histogram.edges), histogram.n_bars) == (N_BARS + 1, N_BARS)
    expected, _ = np.histogram(values[:-1], N_BARS)
    assert histogram.counts(values) == expected.tolist()
    assert histogram.letters(values)[-1] == " "


def test_long_tables_are_measured_on_evenly_spaced_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somscape.report._parts.MAX_MEASURED", 2)
    data = small_data()
    # Rows 1 and 3 of three.
    assert data["n_measured"] == 2
    assert data["quality"]["quantization_error"] == 0.375
    assert data["columns"][0]["counts"] == [0, 1, 1]


def test_notebook_shows_the_page_in_a_frame_of_its_own() -> None:
    shown = small_data(title='"><script>')._repr_html_()
    frame = re.fullmatch(
        r'<iframe title="([^"<]*)" sandbox="([^"]*)"[^<>]* srcdoc="([^"]*)"></iframe>\n', shown
    )
    assert frame
    assert "allow-same-origin" not in frame[2]
    assert html.unescape(frame[3]) == report.render(small_data(title='"><script>'))


def test_a_customer_has_its_rows_those_of_the_reason_first() -> None:
    sales = {"id": ["a", "b", "a", "a", "c"], "x": [1.0, 0.5, -9.0, None, 2.25]}
    grouped = per(table_from_columns(sales, "small.csv"), "id")
    reasons = [(Why("total x"),), (Why("number of rows"),)]
    ranked = Ranked(rows=np.array([0, 1, 2]), reasons=cast(Any, reasons), n_alerts=2)
    table = table_from_columns({"x": [-8.0, 0.5, 2.25]})
    data = report.build(small_detector(), table, cast(Alerts, ranked), grouped=grouped)
    assert [case["rows"] for case in data["cases"]] == [
        {"n_rows": 3, "by": "x", "cells": [{"name": "x", "values": ["-9.0", "1.0", None]}]},
        {"n_rows": 1, "by": None, "cells": [{"name": "x", "values": ["0.5"]}]},
    ]


def test_a_report_takes_other_regions_as_if_it_were_made_with_them() -> None:
    rng = np.random.default_rng(0)
    table = table_from_columns(
        {
            "x": rng.normal(size=120),
            "y": rng.normal(size=120),
            "kind": rng.choice(["a", "b"], 120),
            "label": rng.choice(["good", "bad", "good "], 120),
        }
    )
    detector = SOMDetector(encoder=TableEncoder(label="label"), random_state=0).fit(table)
    told = {"label": "label", "value": "bad"}
    data = report.build(detector, table, agreement=told)
    for n in (3, 1, 4):
        found = regions.find_regions(detector, n)
        found = regions.recolor(
            regions.rename(found, {0: "</script><script>alert('&')</script>"}), {0: "#aa3300"}
        )
        expected = report.build(detector, table, agreement=told, regions=found)
        changed = report.with_regions(data, found, som=detector, table=table)
        for one, other in zip(changed["regions"], expected["regions"], strict=True):
            assert one.pop("mean_score") == pytest.approx(other.pop("mean_score"))
        assert changed == expected
        data = report.with_regions(data, found, som=detector, table=table)
    with rejected(parameter="regions", value=91):
        report.with_regions(data, found, som=small_map(), table=table)
    with rejected(parameter="table", value=10):
        report.with_regions(data, found, som=detector, table=table.take(range(10)))
    with rejected(parameter="data"):
        report.with_regions({"n_rows": 120}, found, som=detector, table=table)
