"""Pages to open: small tables that hold what a page must survive."""

from pathlib import Path
from typing import Any

import numpy as np

from somscape import SOM, SOMDetector, TableEncoder, report
from somscape.regions import find_regions
from somscape.tables import Table, table_from_columns

N_ROWS, N_ALERTS = 150, 12
HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)",
    "=1+1",
    "\U0001f4b3 ünï\u2028códe",
    "\u202eright to left \u05d0\u05d1\u05d2",
    "long " + "x" * 4000,
]
KINDS = ["</option>\u202e\u05d0", '"><img src=x onerror=alert(2)>']
"""Of which regions are named."""


def hostile_table() -> Table:
    rng = np.random.default_rng(0)
    notes = [HOSTILE[i] if i < len(HOSTILE) else "plain" for i in range(N_ROWS)]
    return table_from_columns(
        {
            "id": [f"<b>{i}</b>" + "y" * 300 * (i == 0) for i in range(N_ROWS)],
            "amount": np.where(np.arange(N_ROWS) < len(HOSTILE), 9e4, rng.normal(100, 20, N_ROWS)),
            "<i>age</i>": rng.integers(18, 90, N_ROWS),
            "note": notes,
            "kind": [KINDS[i % 3 == 0] for i in range(N_ROWS)],
            "label": ["bad" if i % 7 == 0 else "good" for i in range(N_ROWS)],
        }
    )


def hostile_report() -> report.Report:
    """The report with one line for each row."""
    return report.Report({**folded_report(), "findings": []})


def folded_report() -> report.Report:
    """The report in which rows of the same finding are one line."""
    table = hostile_table()
    # Odd rows are shifted: 5 rows and 4 columns have both parities and are not square.
    encoder = TableEncoder(label="label", categories=["kind"], max_levels=None)
    detector = SOMDetector(som=SOM(5, 4), encoder=encoder, random_state=0).fit(table).detector_
    agreement = {"label": "label", "value": "bad", "auroc": 0.5, "precision": 0.25, "lift": 2.0}
    return report.build(
        detector,
        table,
        detector.alerts(table, N_ALERTS),
        regions=find_regions(detector.map_, 3),
        title="<u>Title</u>",
        agreement={**agreement, "n_labelled": 22, "n_rows": N_ROWS, "n_alerts": N_ALERTS},
    )


def write_page(data: dict[str, Any], folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(report.render(data), encoding="utf-8")
    return path
