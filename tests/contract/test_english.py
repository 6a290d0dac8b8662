"""The English is plain: few habits that make a reader stop, and no words that have better ones.

The limits are rates per 1,000 words (`tests/english.py` measures them).
"""

import re

import english
import pytest
import texts

pytestmark = pytest.mark.check

# Odd habits, joined clauses, pronouns.
PLAIN, PLAIN_ENOUGH = (4, 12, 50), (7, 14, 60)
LIMITS = {
    "front": PLAIN,
    "public": PLAIN,
    "strings": PLAIN,
    "app": PLAIN,
    "private": PLAIN_ENOUGH,
    "deep": PLAIN_ENOUGH,
    "notes": PLAIN_ENOUGH,
    "pages": PLAIN,  # tutorials, how-to pages and concepts
}
# Before the texts were written in plain English.  A rate must not fall because texts disappear, so
# a smaller number here needs a comment with the reason.
WORDS_BEFORE = {
    "front": 1328,
    "pages": 20000,  # 33,000 words until each subject was explained on one page
    "deep": 17442,
    "public": 34567,
    "private": 53129,
    "strings": 23017,
    "app": 1947,
    "notes": 3043,
}
MIN_SHARE_OF_WORDS = 0.7


@pytest.fixture(scope="module")
def found():
    return list(english.sentences())


@pytest.mark.parametrize("surface", english.SURFACES)
def test_a_surface_is_plain(surface, found):
    rates = english.counts(surface, found)
    for name, limit in zip(("odd", "joined", "pronouns"), LIMITS[surface], strict=True):
        how = "python tests/english.py --list HABIT lists the places"
        assert rates[name] <= limit, f"{surface} has {rates[name]:.1f} {name}, not {limit}; {how}"


@pytest.mark.parametrize("surface", english.SURFACES)
def test_a_surface_keeps_its_texts(surface, found):
    rates = english.counts(surface, found)
    assert rates["words"] >= MIN_SHARE_OF_WORDS * WORDS_BEFORE[surface]


def test_words_that_have_better_ones_are_not_used(found):
    # The tutorials, how-to pages and concepts have their own limits until they are rewritten.
    for word, better in english.BETTER_WORDS.items():
        used = english.places(rf"\b{word}s?\b", [s for s in found if s.surface != "pages"])
        assert not used, f"write {better} instead of {word}: {used[:5]}"


def test_habits_are_found():
    odd = {
        "say": "The file says so.",
        "tell": "Rows are told of.",
        "posture": "A row lies in a cell.",
        "where-if": "It stops, where there is no file.",
        "headless": "Return what was read.",
        "that-of": "The width is that of the map.",
        "negated-noun": "The text is no number.",
        "fronted-of": "Of a long table, a sample is read.",
        "nothing": "A second call doubles nothing.",
        "old words": "Read the file anew.",
        "trailing": "It must be in the data, too.",
    }
    assert odd.keys() == english.ODD.keys()
    for habit, text in odd.items():
        pattern, better = english.ODD[habit]
        assert re.search(pattern, text), habit
        sentence = english.Sentence("front", "x.md", 1, text.upper())
        assert english.counts("front", [sentence])["odd"] > 0, habit
        assert better


def test_clauses_that_a_colon_or_semicolon_joins_are_counted():
    def joined(text):
        found = [english.Sentence("front", "x.md", 1, text)]
        return english.counts("front", found)["joined"]

    assert joined("The file is new: no one has read it, and it is empty.") > 0
    assert joined("The file is new; no one has read it.") > 0
    assert joined("The file is new, because no one has read it. Read it.") == 0


def test_each_kind_of_text_is_read(tmp_path, monkeypatch):
    folder = tmp_path / "src"
    folder.mkdir()
    (tmp_path / "docs").mkdir()
    for name in ("README.md", *english.NOTES):
        (tmp_path / name).write_text("A sentence of a page.\n\n```\nA block of code here.\n```\n")
    (tmp_path / "docs" / "reference.md").write_text("    somscape.fit\n")
    (folder / "a.py").write_text(
        'def fit():\n    """Fit the map now."""\n    raise E("A message of five words here.")\n\n\n'
        'LIMIT = 3\n"""Number of rows at most."""\n\n\n@main.command()\ndef run():\n'
        '    """Run a job for people."""\n'
    )
    (folder / "b.js").write_text('// no text of the page\nshow("The list has no rows yet.");\n')
    monkeypatch.setattr(english, "ROOT", tmp_path)
    found = {(s.surface, s.text) for s in english.sentences()}
    assert found == {
        ("front", "A sentence of a page."),
        ("notes", "A sentence of a page."),
        ("public", "Fit the map now."),
        ("strings", "A message of five words here."),
        ("private", "Number of rows at most."),
        ("strings", "Run a job for people."),
        ("app", "The list has no rows yet."),
    }


@pytest.mark.parametrize("surface", texts.SURFACES)
def test_golden_texts_belong_to_tests_and_name_no_place_of_this_checkout(surface):
    for key, found in texts.read(surface).items():
        file, _, name = key.partition("::")
        source = (texts.TESTS / file).read_text(encoding="utf-8")
        assert f"def {name.rpartition('::')[2]}(" in source, f"make texts removes {key}"
        assert not [text for text in found if str(texts.TESTS.parent) in text], key
