"""Names of the columns that `per` makes: reasons use them, and later months are asked for them."""

from collections.abc import Collection

ROW_COUNT = "number of rows"

WORDS = {
    "number": ("total {}", "mean {}", "largest {}", "smallest {}"),
    "date": (
        "first {}",
        "last {}",
        "days since first {}",
        "days since last {}",
        "mean gap of {}",
        "longest gap of {}",
    ),
    "category": ("different {}", "commonest {}", "share of {} = {}"),
}
"""Names of the columns that are made of a column, by what it is."""

CLASH = " (rows)"
"""Added to the name of a made column that the transactions have already."""


def may_be_made(name: str, columns: Collection[str]) -> bool:
    """Return whether `per` may make a column of that name."""
    return name == ROW_COUNT or any(role_like(column, [name]) for column in columns)


def role_like(column: str, like: Collection[str]) -> str:
    """Return what a column must be so that one of some columns is made of it."""
    names = {name.removesuffix(CLASH) for name in like}
    for role, words in WORDS.items():
        if any(word.format(column, "") in names for word in words):
            return role
    share = WORDS["category"][-1].format(column, "")
    return "category" if any(name.startswith(share) for name in names) else ""
