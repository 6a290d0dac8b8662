"""How a ranking agrees with a label, in numbers, for the page, and in words."""

from typing import Any

from somscape.cli._roles import Label
from somscape.measures import Agreement, label_agreement
from somscape.outliers import Alerts


def agreement_of(alerts: Alerts, label: Label) -> Agreement:
    """Compare the ranking with the label, on the rows that have one."""
    is_known = label.is_known[alerts.rows]
    rows = alerts.rows[is_known]
    n_alerts = int(is_known[: alerts.n_alerts].sum())
    return label_agreement(alerts.scores[is_known], label.has_value[rows], n_alerts)


def page_agreement(label: Label, agreement: Agreement | None) -> dict[str, Any]:
    """Return what the page shows: all of it, or label and value where nothing was compared."""
    is_compared = agreement is not None and agreement.n_alerts > 0
    return {
        "label": label.column,
        "value": label.value,
        **(vars(agreement) if is_compared else {}),
    }


def agreement_line(label: Label, agreement: Agreement) -> str:
    """Say how well unusual and labelled agree; what the label means is the reader's to know."""
    rarer = ", the rarer value" if label.is_rarer else ""
    line = (
        f"Unusual against {label.column} = {label.value} ({agreement.n_labelled} of "
        f"{agreement.n_rows} rows{rarer}): AUROC {agreement.auroc:.3f}"
    )
    if agreement.n_alerts == 0:
        return f"{line}."
    return (
        f"{line}; {agreement.precision:.0%} of the {agreement.n_alerts} alerts have it, "
        f"{agreement.lift:.2f} times the share among all rows."
    )
