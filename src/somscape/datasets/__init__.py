"""Real tables: two that come with the package, and readers of well-known ones."""

from somscape.datasets._credit import (
    load_credit_applications,
    load_german_credit,
    load_german_credit_words,
)

__all__ = ["load_credit_applications", "load_german_credit", "load_german_credit_words"]
