"""How a ranking agrees with a label, in words."""

from somscape.jobs import Label
from somscape.measures import Agreement


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
