"""What the library refuses is said on the page without advice for the command line."""

from pathlib import Path
from typing import Any

import pytest
from command_line import write

from somscape.app._words import for_page
from somscape.errors import InputError
from somscape.jobs import encoding_from, find_label
from somscape.tables import read_table, table_from_columns

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("id_column", "label")),
    **dict.fromkeys(("drop", "category", "number", "ordinal", "date"), ()),
}
TEXTS = ["a", "b", "c", "d"]
TABLE = table_from_columns({"x": [1.0, 2.0, None, 4.0], "t": TEXTS, "same": ["a"] * 4}, source="t")


@pytest.mark.parametrize(
    ("content", "reading", "ends"),
    [
        (b"a,b\n1,2\n3,4,5\n", {}, 'in quotes ("), or name another delimiter'),
        (b"a,b\n\xff,2\n", {"encoding": "utf-8"}, "save the file as UTF-8 or name its encoding"),
        (b"\0\0\0", {}, "or name its encoding if it is text"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, content: bytes, reading: dict[str, Any], ends: str
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "t.csv", **reading)
    assert "--" in str(caught.value)
    assert for_page(str(caught.value)).endswith(ends)


def use(options: dict[str, Any]) -> None:
    find_label(TABLE, options["label"])
    encoding_from(TABLE, options)


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        ({"id_column": "same"}, "or drop this column."),
        ({"id_column": "x"}, "or have the rows numbered."),
        ({"number": ("t",)}, "Take it as a category or drop it."),
        ({"ordinal": ("t",)}, "Say it from low to high."),
        ({"drop": ("x", "same")}, "say which columns are some."),
        ({"label": "t"}, "Say which one is meant."),
        ({"label": "same"}, "Compare with another column, or with none, and drop this one."),
        (
            {"missing": "error"},
            "or have them filled: numbers by the median, categories as a level ",
        ),
    ],
)
def test_settings_that_cannot_be_used(options: dict[str, Any], ends: str) -> None:
    with pytest.raises(InputError) as caught:
        use({**NOTHING, "missing": "fill", **options})
    assert "--" in str(caught.value)
    said = for_page(str(caught.value))
    assert "--" not in said
    assert ends in said


def test_notes_of_a_column(tmp_path: Path) -> None:
    rows = [*(f"{i}" for i in range(30)), "word"]
    problem = read_table(write(tmp_path / "t.csv", "a (b)", rows)).columns[0].problem
    assert problem is not None
    assert for_page(problem).endswith("or take the column as a category or drop it")


@pytest.mark.parametrize("text", ["a - b (c)", "text (in parentheses) -- and more", "x (-1)"])
def test_other_words_stay(text: str) -> None:
    assert for_page(text) == text
