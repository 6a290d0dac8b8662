"""Odd words stay out of the pages that people read first."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/start.md")
BETTER_WORDS = {
    "anew": "again",
    "beside": "next to",
    "mend": "repair",
    "foretell": "predict",
    "nobody": "no one, no user",
    "somebody": "someone, a user",
    "everybody": "all users",
    "afar": "at a distance",
    "save for": "except",
    "but for": "except",
    "rightly": "correctly",
    "wrongly": "by mistake",
    "likelier": "more likely",
    "whoever": "a person who",
    "oftener": "more often",
    "thereof": "of the noun",
    "hitherto": "until now",
    "hereby": "with this",
}


@pytest.mark.parametrize("word", BETTER_WORDS)
def test_pages_use_plain_words(word: str) -> None:
    paths = [ROOT / name for name in PAGES]
    wrong = [
        f"{path.name}: {line}"
        for path in paths
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(rf"\b{word}s?\b", line)
    ]
    assert not wrong, f"write {BETTER_WORDS[word]} instead of {word}: {wrong[:5]}"
