"""From options to the rule that chooses which rows are listed or flagged."""

from collections.abc import Mapping
from typing import Any

from somscape.errors import InputError
from somscape.outliers import AlertRule
from somscape.tables import Table, counted

RULES = ("alerts", "fdr", "p_value", "amount", "cost")
"""Options that say which rows are listed."""


def rule_of(
    options: Mapping[str, Any], table: Table, *, above_threshold: bool = False
) -> AlertRule:
    """Return the rule by command-line options, at most one of which may be given."""
    amount, cost, alerts = options["amount"], options["cost"], options["alerts"]
    if (amount is None) != (cost is None):
        lacking, given = ("`cost`", "`amount`") if cost is None else ("`amount`", "`cost`")
        raise InputError(
            f"{given} needs {lacking} as well: the column with what is at stake, and what a "
            "review costs."
        )
    rules = [n for n in ("alerts", "fdr", "p_value", "cost") if options[n] is not None]
    if len(rules) > 1:
        named = " and ".join(f"`{name}`" for name in rules)
        raise InputError(f"{named} each say how many rows to list; give one of them.")
    if (alerts or 0) > table.n_rows:
        raise InputError(
            f"`alerts` {alerts} is more than the {counted(table.n_rows, 'row')} of {table.source}; "
            "ask for fewer."
        )
    is_share = above_threshold or options.get("contamination") is not None
    rule = AlertRule(
        alerts, options["p_value"], options["fdr"], amount, cost, is_share and not rules
    )
    rule.check(table)
    return rule
