"""How well a ranking agrees with a label, in numbers and for the page."""

from typing import Any

from somscape.jobs._roles import Label
from somscape.measures import Agreement, label_agreement
from somscape.outliers import Alerts


def agreement_of(alerts: Alerts, label: Label) -> Agreement:
    """Compare the ranking with the label, on the rows with a known label."""
    is_known = label.is_known[alerts.rows]
    rows = alerts.rows[is_known]
    n_alerts = int(is_known[: alerts.n_alerts].sum())
    return label_agreement(alerts.scores[is_known], label.has_value[rows], n_alerts)


def page_agreement(label: Label, agreement: Agreement | None) -> dict[str, Any]:
    """Return what the page shows about a label and how the ranking agrees with it."""
    is_compared = agreement is not None and agreement.n_alerts > 0
    return {
        "label": label.column,
        "value": label.value,
        **(vars(agreement) if is_compared else {}),
    }
