"""`fit --target` and `predict`: what predicts a column, and what it says of new rows."""

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import Outcome, run, write

from somscape import SOM, SOMDetector, load
from somscape.recognize import Predictor, Recognizer
from somscape.tables import read_table


def fruits(n: int = 90, seed: int = 0) -> tuple[str, list[str]]:
    """A header and rows: an id, size and weight by kind, a color, the kind."""
    rng = np.random.default_rng(seed)
    kinds = ("apple", "pear", "plum")
    return "id,size,weight,color,kind", [
        f"f{i},{rng.normal(5 + 3 * (i % 3)):.3f},{rng.normal(9 - 2 * (i % 3)):.3f},"
        f"{rng.choice(['red', 'green'])},{kinds[i % 3]}"
        for i in range(n)
    ]


@pytest.fixture
def table(here: Path) -> Path:
    return write(Path("fruits.csv"), *fruits())


def fit(path: Path | str, *words: object) -> Outcome:
    return run("fit", path, "--target", "kind", "--out", "m.som", *words)


@pytest.fixture(scope="module")
def fruit_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the fruits, fitted once."""
    folder = tmp_path_factory.mktemp("fruits")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert fit(write(Path("fruits.csv"), *fruits())).code == 0
    return folder / "m.som"


@pytest.fixture
def model(table: Path, fruit_model: Path) -> Path:
    """That model, in the working folder with its table."""
    return Path(shutil.copy(fruit_model, "m.som"))


def refused(*words: object) -> str:
    outcome = run(*words)
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1, outcome.err
    return outcome.err


def predicted(*words: object) -> list[dict[str, str]]:
    outcome = run("predict", *words)
    assert outcome.code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out)))


# fit


def test_the_first_line_says_how_good_it_is(table: Path) -> None:
    outcome = fit(table)
    assert outcome.code == 0
    found = load("m.som")
    assert isinstance(found, Recognizer)
    assert found.classes.tolist() == ["apple", "pear", "plum"]
    assert found.accuracy is not None
    assert 0.6 < found.accuracy < 1
    assert [c.name for c in found.map_.encoding.features] == ["size", "weight", "color"]
    assert outcome.out.splitlines()[0] == (
        f"Quality: cross-validated accuracy {100 * found.accuracy:.1f} % (the most frequent class "
        "alone: 33.3 %); 3 classes."
    )
    assert "Left out:" not in outcome.out
    assert (
        "Target 'kind', 3 classes: apple (30 rows), pear (30 rows), plum (30 rows)." in outcome.out
    )
    assert "Warning" not in outcome.out


def test_rows_without_a_target_are_left_out_and_the_seed_gives_the_same_bytes(table: Path) -> None:
    header, rows = fruits()
    unknown = [f"{row.rpartition(',')[0]},?" for row in fruits(7, seed=2)[1]]
    write(Path("more.csv"), header, [*rows[:50], *unknown, *rows[50:]])
    assert "Left out: 7 rows with unknown 'kind'." in fit("more.csv").out
    more = load("m.som")
    fit(table)
    assert load("m.som").map_.hits.sum() == more.map_.hits.sum() == 90
    before = Path("m.som").read_bytes()
    fit(table)
    assert Path("m.som").read_bytes() == before


@pytest.mark.parametrize("what", ["copy", "code", "number"])
def test_a_column_that_gives_the_target_away_is_named(here: Path, what: str) -> None:
    header, rows = fruits()
    cells = {
        "copy": [row.rpartition(",")[2] for row in rows],
        "code": [f"x{'apple' in row}{'plum' in row}" for row in rows],
        "number": [f"{100 * (i % 3) + i / 7:.2f}" for i in range(len(rows))],
    }[what]
    write(Path("t.csv"), f"{header},later", [f"{r},{c}" for r, c in zip(rows, cells, strict=True)])
    (warning,) = (line for line in fit("t.csv").out.splitlines() if "Warning" in line)
    assert "column 'later' alone predicts 'kind' for" in warning
    assert warning.endswith("train without the column (--drop later).")
    told = " ".join(run("info", "m.som").out.split())
    assert "column 'later' alone predicts 'kind' for" in told
    assert "(the most frequent class alone: 33.3 %)" in told
    assert "Warning" not in fit("t.csv", "--drop", "later").out


def test_size_and_roles_are_as_asked(table: Path) -> None:
    outcome = fit(table, "--rows", 3, "--cols", 4, "--drop", "color", "--save-roles", "r.toml")
    assert outcome.code == 0
    lattice = load("m.som").map_.lattice
    assert (lattice.n_rows, lattice.n_cols) == (3, 4)
    assert "Wrote m.som and r.toml" in outcome.out
    assert 'kind = "label"' in Path("r.toml").read_text()
    again = fit(table, "--rows", 3, "--cols", 4, "--roles", "r.toml")
    assert again.code == 0, again.err
    assert again.out.splitlines()[0] == outcome.out.splitlines()[0]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ("apple", "has the class 'apple' in all rows, but at least two classes are needed"),
        ("?", "Target column 'kind' of t.csv is empty in all 12 rows"),
        (None, "has a different value in each row"),
    ],
)
def test_a_target_that_teaches_nothing_is_refused(
    here: Path, kinds: str | None, message: str
) -> None:
    write(Path("t.csv"), "size,kind", [f"{i}.5,{kinds or f'k{i}'}" for i in range(12)])
    assert message in refused("fit", "t.csv", "--target", "kind", "--out", "m.som")
    assert not Path("m.som").exists()


def test_a_target_that_is_not_there_is_refused(table: Path) -> None:
    message = refused("fit", table, "--target", "kinds", "--out", "m.som")
    assert "fruits.csv has no column 'kinds'; did you mean 'kind'?" in message


@pytest.mark.parametrize(
    "words",
    [
        ["--label", "color"],
        ["--per", "color"],
        ["--missing", "mask"],
    ],
)
def test_options_that_do_not_go_with_a_target_are_named(table: Path, words: list[str]) -> None:
    message = refused("fit", table, "--target", "kind", "--out", "m.som", *words)
    assert words[0] in message


def roles_file(*lines: str) -> str:
    Path("r.toml").write_text("\n".join(lines))
    return "r.toml"


def test_a_roles_file_cannot_leave_cells_out(table: Path) -> None:
    file = roles_file('missing = "mask"', "[columns]", 'color = "category"')
    message = refused("fit", table, "--target", "kind", "--out", "m.som", "--roles", file)
    assert "--missing mask" in message


def test_a_roles_file_cannot_put_rows_together(table: Path) -> None:
    file = roles_file("[columns]", 'color = "per"')
    message = refused("fit", table, "--target", "kind", "--out", "m.som", "--roles", file)
    assert "r.toml gives column 'color' the kind per" in message
    assert "--target" in message


def test_another_outcome_of_a_roles_file_is_no_feature(table: Path) -> None:
    file = roles_file("[columns]", 'color = {kind = "label", value = "red"}')
    outcome = fit(table, "--roles", file, "--save-roles", "s.toml")
    assert outcome.code == 0, outcome.err
    encoding = load("m.som").map_.encoding
    assert [c.name for c in encoding.features] == ["size", "weight"]
    assert encoding.named("label") == "kind"
    assert "value =" not in Path("s.toml").read_text()


@pytest.mark.parametrize("option", ["--id", "--drop", "--protect", "--date"])
def test_a_target_cannot_be_something_else_too(table: Path, option: str) -> None:
    message = refused("fit", table, "--target", "kind", "--out", "m.som", option, "kind")
    assert f"Column 'kind' is given for both --target and {option}." in message


@pytest.mark.parametrize("cell", ["12 kg", "inf"])
def test_a_bad_cell_among_numbers_makes_no_classes(here: Path, cell: str) -> None:
    header, rows = prices(60)
    rows[6] = f"{rows[6].rpartition(',')[0]},{cell}"
    write(Path("t.csv"), header, rows)
    message = refused("fit", "t.csv", "--target", "price", "--out", "m.som")
    assert f"line 8, column 'price': '{cell}'" in message
    assert "--category price" in message


def codes(n: int = 120) -> tuple[str, list[str]]:
    """A header and rows: 24 codes, which a size and a color tell."""
    header, rows = prices(n)
    return header, [f"{row.rpartition(',')[0]},{i % 24}" for i, row in enumerate(rows)]


def test_numbers_are_classes_if_they_are_said_to_be(here: Path) -> None:
    write(Path("t.csv"), *codes())
    words = ("fit", "t.csv", "--target", "price", "--out", "m.som")
    assert run(*words).code == 0
    assert isinstance(load("m.som"), Predictor)
    outcome = run(*words, "--category", "price", "--save-roles", "r.toml")
    assert outcome.code == 0, outcome.err
    found = load("m.som")
    assert isinstance(found, Recognizer)
    assert len(found.classes) == 24
    again = run(*words, "--roles", "r.toml", "--save-roles", "s.toml")
    assert again.code == 0, again.err
    assert isinstance(load("m.som"), Recognizer)
    assert again.out.splitlines()[0] == outcome.out.splitlines()[0]
    for name in ("r.toml", "s.toml"):
        assert 'price = "category"' in Path(name).read_text()


def test_few_numbers_are_a_number_if_they_are_said_to_be(here: Path) -> None:
    header, rows = prices(60)
    rows = [f"{row.rpartition(',')[0]},{round(float(row.split(',')[1]))}" for row in rows]
    write(Path("t.csv"), header, rows)
    words = ("fit", "t.csv", "--target", "price", "--out", "m.som")
    assert run(*words).code == 0
    assert isinstance(load("m.som"), Recognizer)
    assert run(*words, "--number", "price").code == 0
    assert isinstance(load("m.som"), Predictor)
    assert "contains text" in refused(*words[:3], "color", *words[4:], "--number", "color")


def test_a_target_of_too_many_classes_is_refused(here: Path) -> None:
    write(Path("t.csv"), "size,kind", [f"{i}.5,k{i // 2}" for i in range(602)])
    message = refused("fit", "t.csv", "--target", "kind", "--out", "m.som")
    assert "has 301 different values, but at most 300 classes can be learned" in message


def test_classes_of_many_digits_stay_apart(here: Path) -> None:
    header, rows = fruits()
    rows = [
        row.replace("apple", "1234567890123456").replace("pear", "1234567890123457") for row in rows
    ]
    for plum in ("7", "plum", "12345678901234567890"):
        write(Path("t.csv"), header, [row.replace("plum", plum) for row in rows])
        assert fit("t.csv").code == 0
        found = load("m.som")
        assert isinstance(found, Recognizer)
        assert {*found.classes.tolist()} == {"1234567890123456", "1234567890123457", plum}


# predict


def test_each_row_gets_a_class_and_the_probability_of_each(model: Path) -> None:
    write(Path("new.csv"), *fruits(40, seed=1))
    rows = predicted(model, "new.csv")
    columns = ["id", "predicted", "p_value", "p(apple)", "p(pear)", "p(plum)"]
    assert [list(row) for row in rows] == [columns] * 40
    found = load(model)
    assert isinstance(found, Recognizer)
    for row in rows:
        p = [float(row[f"p({name})"]) for name in found.classes]
        assert sum(p) == pytest.approx(1, abs=1e-5)
        assert row["predicted"] == found.classes[np.argmax(p)]
    outcome = run("predict", model, "new.csv", "--out", "p.csv")
    assert outcome.out == ""
    kinds = [line.rpartition(",")[2] for line in fruits(40, seed=1)[1]]
    right = np.mean([row["predicted"] == kind for row, kind in zip(rows, kinds, strict=True)])
    assert (
        f"{100 * right:.1f} % of 40 rows with a known 'kind' are predicted correctly."
        in outcome.err
    )
    assert list(csv.DictReader(io.StringIO(Path("p.csv").read_text()))) == rows


def test_a_row_unlike_all_others_is_unknown(model: Path) -> None:
    header, rows = fruits(30, seed=1)
    write(Path("new.csv"), header, [*rows, "f99,999,-999,red,pear"])
    assert predicted(model, "new.csv")[-1]["predicted"] != "unknown"
    rejecting = predicted(model, "new.csv", "--reject", 0.02)
    assert rejecting[-1]["predicted"] == "unknown"
    assert sum(row["predicted"] == "unknown" for row in rejecting) < 5
    assert "unknown: 1." in run("predict", model, "new.csv", "--reject", 0.02).err


def test_what_has_no_classes_predicts_nothing(table: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    SOM(2, 3).fit(X).save("map.som")
    SOMDetector(random_state=0).fit(X).save("detector.som")
    for name in ("map", "detector"):
        message = refused("predict", f"{name}.som", table)
        assert f"{name}.som is a {name} without a target" in message


def test_predictions_do_not_go_over_what_is_read(model: Path, table: Path) -> None:
    for name in (model, table):
        assert refused("predict", model, table, "--out", name)
    assert "0<=x<=0.5" in refused("predict", model, table, "--reject", 0.7)


def test_a_class_that_looks_like_a_missing_cell_is_written(here: Path) -> None:
    header, rows = fruits()
    write(Path("t.csv"), header, [row.replace("plum", "NA") for row in rows])
    assert fit("t.csv", "--missing-values", "").code == 0
    found = predicted("m.som", "t.csv", "--missing-values", "")
    assert {row["predicted"] for row in found} == {"apple", "pear", "NA"}
    right = np.mean(
        [row["predicted"] == ("apple", "pear", "NA")[i % 3] for i, row in enumerate(found)]
    )
    said = run("predict", "m.som", "t.csv", "--missing-values", "").err
    assert f"{100 * right:.1f} % of 90 rows" in said


def test_refused_rows_are_neither_right_nor_wrong(model: Path) -> None:
    header, rows = fruits(30, seed=1)
    kinds = [row.rpartition(",")[2] for row in rows]
    write(Path("new.csv"), header, [*rows, "f99,999,-999,red,pear"])
    found = [row["predicted"] for row in predicted(model, "new.csv", "--reject", 0.02)]
    pairs = [(f, k) for f, k in zip(found, [*kinds, "pear"], strict=True) if f != "unknown"]
    right = 100 * np.mean([f == k for f, k in pairs])
    said = run("predict", model, "new.csv", "--reject", 0.02).err
    n = 31 - len(pairs)
    assert f"{n} of 31 rows with a known 'kind' {'is' if n == 1 else 'are'} refused." in said
    assert f" {right:.1f} % of the other rows are predicted correctly." in said
    write(Path("far.csv"), header, ["f99,999,-999,red,pear"])
    said = run("predict", model, "far.csv", "--reject", 0.02).err
    assert "1 of 1 row with a known 'kind' is refused. None of the other rows are" in said


# numbers


def prices(n: int = 120, seed: int = 0) -> tuple[str, list[str]]:
    """A header and rows: a size, a color, a price that follows from both."""
    rng = np.random.default_rng(seed)
    size, is_red = rng.normal(size=n), rng.integers(0, 2, n)
    price = 100 + 20 * size + 30 * is_red + rng.normal(size=n)
    return "id,size,color,price", [
        f"h{i},{size[i]:.3f},{'red' if is_red[i] else 'blue'},{price[i]:.2f}" for i in range(n)
    ]


def test_a_column_of_many_numbers_is_predicted_with_intervals(here: Path) -> None:
    header, rows = prices()
    write(Path("t.csv"), header, [*rows, "h120,0.5,red,"])
    outcome = run("fit", "t.csv", "--target", "price", "--out", "m.som")
    assert outcome.code == 0, outcome.err
    assert "Target 'price', a number from" in outcome.out
    model = load("m.som")
    assert isinstance(model, Predictor)
    assert outcome.out.splitlines()[0] == f"Quality: cross-validated R2 {model.r2:.3f}."
    assert "Left out: 1 row with unknown 'price'." in outcome.out
    assert "Warning" not in outcome.out
    write(Path("new.csv"), *prices(50, seed=1))
    found = predicted("m.som", "new.csv")
    assert list(found[0]) == ["id", "predicted", "p_value", "low", "high"]
    price = np.array([float(row.split(",")[3]) for row in prices(50, seed=1)[1]])
    low, value, high = (
        np.array([float(row[name]) for row in found]) for name in ("low", "predicted", "high")
    )
    assert ((low <= value) & (value <= high)).all()
    assert 0.75 < ((low <= price) & (price <= high)).mean() <= 1
    said = run("predict", "m.som", "new.csv").err
    off = np.sqrt(((value - price) ** 2).mean())
    assert f"The root mean square error is {off:.4g} in 50 rows with a known 'price'." in said
    assert "`reject`" not in refused("predict", "m.som", "new.csv", "--reject", 0.1)
    assert "predicts price quality cross-validated R2" in " ".join(run("info", "m.som").out.split())


def test_large_numbers_keep_their_digits(here: Path) -> None:
    header, rows = prices(60)
    seconds = [
        f"{row.rpartition(',')[0]},{1_700_000_000 + int(100 * float(row.rpartition(',')[2]))}"
        for row in rows
    ]
    write(Path("t.csv"), header, seconds)
    outcome = run("fit", "t.csv", "--target", "price", "--out", "m.som")
    ends_told = sorted(row.rpartition(",")[2] for row in seconds)[:: len(seconds) - 1]
    assert f"a number from {ends_told[0]} to {ends_told[1]}, with 60 different" in outcome.out
    model = load("m.som")
    assert isinstance(model, Predictor)
    found = predicted("m.som", "t.csv")
    table = read_table("t.csv")
    expected = model.predict(table)
    assert [float(row["predicted"]) for row in found] == expected.tolist()
    ends = model.predict_interval(table)
    assert [[float(row["low"]), float(row["high"])] for row in found] == ends.tolist()
    price = table.column("price").numbers
    assert price is not None
    off = np.sqrt(((expected - price) ** 2).mean())
    assert f"root mean square error is {off:.4g} in" in run("predict", "m.som", "t.csv").err


# report


def test_the_page_of_a_classifier_has_its_classes_and_mistakes(model: Path, table: Path) -> None:
    outcome = run("report", model, table, "--out", "page.html")
    assert outcome.code == 0, outcome.err
    page = Path("page.html").read_text(encoding="utf-8")
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    found, recognizer = data["classes"], load(model)
    assert isinstance(recognizer, Recognizer)
    assert found["names"] == ["apple", "pear", "plum"]
    assert (found["target"], found["n_known"]) == ("kind", 90)
    named = recognizer.predict(read_table(table))
    n_right = int((named == read_table(table).column("kind").cells).sum())
    assert found["n_right"] == n_right
    assert outcome.out.splitlines()[1] == (
        f"3 classes; cross-validated accuracy {100 * recognizer.accuracy:.1f} %; {n_right} of 90 "
        "rows with a known 'kind' are predicted correctly."
    )
