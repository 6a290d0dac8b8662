"""One measurement in a process of its own: a stage with a file of a folder.

    python benchmarks/tables/stages.py STAGE FILE [ROWS]

A tiny file of the same columns comes first, untimed: it bears the imports. The last line of the
output has the seconds as JSON, of all processors and on the clock.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Work = Callable[[], object]


def ready_to_read(path: Path, _: int) -> Work:
    """Return our reading."""
    from somscape.tables import read_table

    return lambda: read_table(path)


def ready_to_encode(path: Path, _: int) -> Work:
    """Return what each column becomes, and the rows as numbers; the table is read already."""
    from somscape.tables import read_table
    from somscape.tables._fit_encoding import fit_encoding

    table = read_table(path)
    return lambda: fit_encoding(table).encode(table)


def ready_to_list(path: Path, n_listed: int) -> Work:
    """Return the ranking, the reasons and the list as CSV; the detector is trained already."""
    from somscape.fit.settings import Settings
    from somscape.outliers import AlertRule
    from somscape.outliers._train import Detection, train_detector
    from somscape.outliers.alerts import ranked
    from somscape.tables import read_table, write_csv
    from somscape.tables._fit_encoding import fit_encoding

    table = read_table(path)
    encoding = fit_encoding(table)
    rows = encoding.encode(table)
    trained = train_detector(rows, None, encoding, Settings(seed=0), Detection())
    rule = AlertRule(n_alerts=n_listed)
    detector, units, scores = trained.detector, trained.of_all_rows.units, trained.scores

    def listed() -> None:
        alerts = ranked(detector, table, rows, rule, units, scores)
        with tempfile.TemporaryDirectory() as folder:
            write_csv(Path(folder, "alerts.csv"), alerts.to_table(detector.map_, table))

    return listed


def ready_for_pyarrow(path: Path, _: int) -> Work:
    """Return pyarrow's reading."""
    from pyarrow import csv, parquet

    read = parquet.read_table if path.suffix == ".parquet" else csv.read_csv
    return lambda: read(path)


def ready_for_polars(path: Path, _: int) -> Work:
    """Return Polars' reading."""
    import polars

    read = polars.read_parquet if path.suffix == ".parquet" else polars.read_csv
    return lambda: read(path)


STAGES = {
    "read": ready_to_read,
    "encode": ready_to_encode,
    "list": ready_to_list,
    "pyarrow": ready_for_pyarrow,
    "polars": ready_for_polars,
}


def measure(stage: str, path: Path, n_listed: int) -> dict[str, float]:
    """Return the seconds that a stage takes once."""
    tiny = path.with_name(f"tiny_{path.name}")
    STAGES[stage](tiny, min(n_listed, 10))()
    work = STAGES[stage](path, n_listed)
    processor, clock = _processor_seconds(), time.perf_counter()
    kept = work()
    seconds = {"processor": _processor_seconds() - processor, "wall": time.perf_counter() - clock}
    del kept  # alive until here: nobody is timed while memory is given back
    return seconds


def _processor_seconds() -> float:
    """Return the seconds of this process and of those that it waited for."""
    sides = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(side)[:2]) for side in sides)


def main() -> None:
    """Print the result of the measurement that the arguments name."""
    stage, path, *n_listed = sys.argv[1:]
    print("\n" + json.dumps(measure(stage, Path(path), int(n_listed[0]) if n_listed else 0)))


if __name__ == "__main__":
    main()
