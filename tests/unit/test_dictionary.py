"""Words for codes and columns stand in reasons, counterfactuals, reports, planes and regions."""

import json

import numpy as np
import pytest
from texts import rejected

from somscape import SOMDetector, TableEncoder, datasets, load, plots, report
from somscape.regions import find_regions
from somscape.tables import table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables._recoded import in_words, read_dictionary, table_in_words
from somscape.tables._roles import read_roles

WORDS = {
    "job": {"": "Job", "A1": "clerk", "A2": "nurse"},
    "grade": {"1": "low", "2": "high"},
    "amount": {"": "Amount in EUR"},
    "fraud": {"": "Outcome", "1": "proven"},
}


def a_table(n=200):
    rng = np.random.default_rng(0)
    return table_from_columns(
        {
            "id": [f"c{i}" for i in range(n)],
            "job": ["A3", *rng.choice(["A1", "A2"], n - 1, p=[0.9, 0.1])],
            "grade": rng.choice([1, 2], n),
            "amount": np.exp(rng.normal(6, 1, n)).round(2),
            "fraud": [1, *[0] * (n - 1)],
        }
    )


def an_encoder(**more):
    return TableEncoder(label="fraud", categories=["grade"], dictionary=WORDS, **more)


@pytest.fixture(scope="module")
def fitted():
    table = a_table()
    return SOMDetector(random_state=0, encoder=an_encoder()).fit(table), table


# What comes in


def test_a_file_gives_words_for_codes_and_columns(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("column,code,words\njob,,Job\njob,A1,clerk\ngrade,1.0,low\ngrade,NA,none\n")
    found = read_dictionary(path)
    assert found == {"job": {"": "Job", "A1": "clerk"}, "grade": {"1": "low", "NA": "none"}}
    path.write_text("column,code,words\ngrade,,Grade\ngrade,1.0,low\n")
    assert read_dictionary(path) == {"grade": {"": "Grade", "1": "low"}}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("column,code\na,b\n", {"column": "words", "allowed": ("column", "code", "words")}),
        ("column,code,words\n,b,c\n", {"row": 0}),
        ("column,code,words\na,b,\n", {"row": 0}),
        ("column,code,words\na,b,c\na,b,d\n", {"row": 1, "column": "a", "value": "b"}),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused(tmp_path, text, facts):
    path = tmp_path / "codes.csv"
    path.write_text(text)
    with rejected(file="codes.csv", **facts):
        TableEncoder(dictionary=path).fit(a_table())


@pytest.mark.parametrize("given", [3, ["job"], {"job": "Job"}])
def test_another_dictionary_is_refused(given):
    with pytest.raises(TypeError, match="`dictionary` must be a file, or a mapping"):
        TableEncoder(dictionary=given).fit(a_table())


# In words


def test_a_table_in_words_is_encoded_to_the_same_rows():
    table = a_table()
    encoding = an_encoder().fit(table).encoding_
    worded = table_in_words(encoding, table)
    assert worded.names == ("id", "Job", "grade", "Amount in EUR", "Outcome")
    assert set(worded.column("Job").cells) == {"A3", "clerk", "nurse"}
    assert set(worded.column("grade").cells) == {"low", "high"}
    np.testing.assert_array_equal(in_words(encoding).encode(worded), encoding.encode(table))


def test_words_that_two_have_are_told_apart_by_the_code():
    table = table_from_columns({"a": ["x", "y", "z"] * 9, "b": [1.5, 2.5, 3.5] * 9})
    words = {"a": {"": "Same", "x": "one", "y": "one"}, "b": {"": "Same"}}
    encoding = TableEncoder(dictionary=words).fit(table).encoding_
    worded = table_in_words(encoding, table)
    assert worded.names == ("Same (a)", "Same (b)")
    assert worded.column("Same (a)").cells[:3].tolist() == ["one (x)", "one (y)", "z"]


def test_words_of_dates_are_those_of_what_dates_tell():
    days = np.datetime64("2024-01-01") + 7 * np.arange(90) + (np.arange(90) % 3)
    table = table_from_columns({"d": [str(day) for day in days], "n": np.arange(90) % 7 + 0.5})
    encoding = TableEncoder(dictionary={"d": {"": "Opened"}}).fit(table).encoding_
    assert [part.name for part in in_words(encoding).parts] == ["Opened: weekday"]
    worded = table_in_words(encoding, table)
    np.testing.assert_array_equal(in_words(encoding).encode(worded), encoding.encode(table))


def test_without_a_dictionary_nothing_changes():
    table = a_table()
    encoding = fit_encoding(table)
    assert in_words(encoding) is encoding
    assert table_in_words(encoding, table) is table


# Where they stand


def test_reasons_and_counterfactuals_are_in_words(fitted):
    detector, table = fitted
    said = " ".join(map(str, detector.reasons(table)))
    assert "Job A3: 1 of 200 rows; usual clerk" in said
    assert "Amount in EUR " in said
    assert "amount " not in said
    assert " A1" not in said
    texts = " ".join(map(str, detector.counterfactuals(table)))
    assert "Amount in EUR" in texts or "Job clerk" in texts
    assert "amount" not in texts


def test_scores_do_not_depend_on_words(fitted):
    detector, table = fitted
    plain = SOMDetector(random_state=0, encoder=an_encoder().set_params(dictionary=None))
    scores = plain.fit(table).score_samples(table)
    np.testing.assert_array_equal(scores, detector.score_samples(table))


def test_planes_and_regions_are_in_words(fitted):
    detector, table = fitted
    map_ = detector.detector_.map_
    assert plots.column_plane(map_, "amount").name == "Amount in EUR"
    assert plots.column_plane(map_, "grade").levels == ("high",)
    named = str([region.differences for region in find_regions(map_, 3).describe(table)])
    assert "'Amount in EUR'" in named or "'Job'" in named or "'low'" in named or "'high'" in named
    assert "'amount'" not in named


def test_the_report_is_in_words(fitted):
    detector, table = fitted
    agreement = {"label": "fraud", "value": "1"}
    data = report.build(detector, table, detector.alerts(table, 5), agreement=agreement)
    columns = [column["name"] for column in data["columns"]]
    assert columns == ["id", "Job", "grade", "Amount in EUR", "Outcome"]
    assert [cells["name"] for cells in data["rows"]["cells"]] == columns[1:]
    assert {reason["column"] for row in data["reasons"] for reason in row} <= set(columns)
    assert (data["agreement"]["label"], data["agreement"]["value"]) == ("Outcome", "proven")
    assert '"A1"' not in json.dumps(data)


def test_a_saved_map_and_a_roles_file_keep_the_words(fitted, tmp_path):
    detector, table = fitted
    detector.detector_.save(tmp_path / "d.som")
    again = load(tmp_path / "d.som")
    assert [str(r) for r in again.reasons(table)] == [str(r) for r in detector.reasons(table)]
    an_encoder().fit(table).save_roles(tmp_path / "roles.toml")
    assert read_roles(tmp_path / "roles.toml").dictionary == WORDS
    encoder = TableEncoder.from_roles(tmp_path / "roles.toml")
    assert encoder.fit(table).encoding_.roles.dictionary == WORDS


@pytest.mark.parametrize("wrong", ['job = "Job"', "job = { A1 = 3 }"])
def test_a_roles_file_with_another_dictionary_is_refused(tmp_path, wrong):
    path = tmp_path / "roles.toml"
    path.write_text(f"[dictionary]\n{wrong}\n")
    with rejected(parameter="dictionary", line=1):
        read_roles(path)


def test_german_credit_has_words_for_every_code():
    table, words = datasets.load_german_credit(), datasets.load_german_credit_words()
    assert set(words) <= set(table.names)
    for column in table.columns:
        if not column.is_number:
            assert set(column.cells) <= set(words[column.name]), column.name
