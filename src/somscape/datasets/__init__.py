"""Real tables that come with somscape, and a reader for a well-known table."""

from somscape.datasets._credit import (
    load_credit_applications,
    load_german_credit,
    load_german_credit_words,
)

__all__ = ["load_credit_applications", "load_german_credit", "load_german_credit_words"]
