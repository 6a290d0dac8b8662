"""Real tables that are part of somscape."""

from somscape.datasets._credit import (
    load_credit_applications,
    load_german_credit,
    load_german_credit_words,
)

__all__ = ["load_credit_applications", "load_german_credit", "load_german_credit_words"]
