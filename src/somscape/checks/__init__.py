"""Facts that nearly all rows of a table obey, with the rows that do not obey."""

from somscape.checks.check import Check, check

__all__ = ["Check", "check"]
