"""How a ranking agrees with a label, in words."""

from somscape.jobs import Label
from somscape.measures import Agreement
from somscape.tables import counted


def agreement_line(label: Label, agreement: Agreement) -> str:
    """Say how well unusual and labelled agree; what the label means is the reader's to know."""
    rarer = ", the rarer value" if label.is_rarer else ""
    line = (
        f"Unusual against {label.column} = {label.value} ({agreement.n_labelled} of "
        f"{counted(agreement.n_rows, 'row')}{rarer}): AUROC {agreement.auroc:.3f}"
    )
    if agreement.n_alerts == 0:
        return f"{line}."
    return (
        f"{line}; {100 * agreement.precision:.0f} % of {counted(agreement.n_alerts, 'alert')} have "
        f"it, {agreement.lift:.2f} times the share among all rows."
    )


def answer_line(agreement: Agreement, what: str) -> str:
    """Say how many of the listed rows have the label, and how many of any rows would."""
    n = agreement.n_alerts
    by_chance = n * agreement.n_labelled / agreement.n_rows
    return (
        f"The answer key, which the ranking did not see: {agreement.precision * n:.0f} of the {n} "
        f"listed were {what}; of any {n}, {by_chance:.3g} would be."
    )
