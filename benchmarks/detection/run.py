"""Measure the anomaly detector beside its peers, and write README.md.

    python benchmarks/detection/run.py [--parts PART ...] [--only SET ...] [--methods METHOD ...]
        [--seeds N] [--cap SECONDS] [--plantings N] [--splits N] [--runs N] [--rounds N] [--again]
        [--record FILE] [--out FILE] [--dump FOLDER]

The parts are independent: ``rankings`` (all methods on the labelled sets), ``unusual`` (on 140
tables more), ``marks`` (on both: the first rows of the list are marked), ``planted`` (cases made
among credit applications), ``stability`` (of the first 50 of these), ``calibration`` (of the
p-values), ``standing_out`` (how many rows do, and how many wrongly) and ``speed``. With
``--record`` what was measured before is kept. Rankings go on where a run was cut off; ``--again``
measures the chosen ones anew. ``--parts`` without a name only writes the tables. ``--dump`` writes
the sets to a folder, one .npz of X and y a set and seed, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from measure import MODES, Result, measured  # noqa: E402
from peers import RANKINGS  # noqa: E402
from readme import machine, write_between_markers  # noqa: E402
from sets import SETS, load  # noqa: E402
from summary import report  # noqa: E402

PARTS = (
    *("rankings", "unusual", "marks", "planted"),
    *("stability", "calibration", "standing_out", "speed"),
)


def rank_set(name: str, record: Result, arguments: argparse.Namespace) -> None:
    """Measure the chosen methods on one set, keeping the results in the record."""
    known = record["rankings"].get(name, {"methods": {}})["methods"]
    for seed in range(arguments.seeds):
        chosen = [
            method
            for method in arguments.methods
            if arguments.again or str(seed) not in known.get(method, {})
        ]
        if not chosen:
            continue
        try:
            rows, y = load(name, seed)
        except ImportError as error:
            print(f"{name}: left out, {error}", flush=True)
            return
        result = record["rankings"].setdefault(name, {"methods": known})
        result.update(n_rows=len(y), n_features=rows.shape[1], n_anomalies=int(y.sum()))
        for method in chosen:
            of_seed = measured(method, RANKINGS[method], rows, y, seed, arguments.cap)
            known.setdefault(method, {})[str(seed)] = of_seed
            told(f"{name}: {method}, seed {seed}", of_seed)
            save(record, arguments)


def told(what: str, of_seed: Result) -> None:
    """Print a line of progress."""
    parts = [
        f"{mode} AUROC {of_seed[mode]['auroc']:.3f}, AP {of_seed[mode]['ap']:.3f}, "
        f"{of_seed[mode]['seconds']:.1f} s"
        for mode in MODES
    ]
    print(f"{what}: {'; '.join(parts)}", flush=True)


def save(record: Result, arguments: argparse.Namespace) -> None:
    """Write the record whole, where one is kept."""
    if arguments.record:
        arguments.record.parent.mkdir(parents=True, exist_ok=True)
        partial = arguments.record.with_suffix(".partial")
        partial.write_text(json.dumps(record), encoding="utf-8")
        partial.replace(arguments.record)


def dump(arguments: argparse.Namespace) -> None:
    """Write the chosen sets to a folder."""
    arguments.dump.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        for seed in range(arguments.seeds):
            rows, y = load(name, seed)
            np.savez_compressed(arguments.dump / f"{name}_{seed}.npz", X=rows, y=y)
        print(f"{name}: {rows.shape[0]} x {rows.shape[1]}, {y.sum()} anomalies", flush=True)


def measure_parts(record: Result, arguments: argparse.Namespace) -> None:
    """Measure the chosen parts, keeping each in the record; a part without its data is left out."""
    if "rankings" in arguments.parts:
        for name in arguments.only:
            rank_set(name, record, arguments)
    for part in (part for part in PARTS[1:] if part in arguments.parts):
        try:
            record[part] = measured_part(part, arguments)
        except (ImportError, FileNotFoundError) as error:
            print(f"{part}: left out, {error}", flush=True)
        save(record, arguments)


def measured_part(part: str, arguments: argparse.Namespace) -> Result | list[Result]:
    """Return the results of one of the other parts; its module is imported only now."""
    import calibration
    import marks
    import planted
    import speed
    import stability
    import standing_out
    import unusual

    return {
        "unusual": unusual.measured,
        "marks": marks.measured,
        "planted": lambda: planted.measured(arguments.plantings),
        "stability": stability.measured,
        "calibration": lambda: calibration.measured(arguments.splits),
        "standing_out": lambda: standing_out.measured(arguments.runs),
        "speed": lambda: speed.measured(arguments.rounds),
    }[part]()


def parsed_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description="Measure somscape's anomaly detector.")
    add = parser.add_argument
    sets, methods, parts = (", ".join(names) for names in (SETS, RANKINGS, PARTS))
    add("--parts", nargs="*", choices=PARTS, default=PARTS, help=f"default: all of {parts}")
    add("--only", nargs="+", choices=SETS, default=list(SETS), metavar="SET", help=sets)
    help_methods = f"of the rankings: {methods}"
    add("--methods", nargs="+", choices=RANKINGS, default=list(RANKINGS), metavar="METHOD",
        help=help_methods)  # fmt: skip
    add("--seeds", type=int, default=5, help="of the rankings (default: 5)")
    help_cap = "seconds that a fit may take; longer ones learn from fewer rows (default: 60)"
    add("--cap", type=float, default=60, help=help_cap)
    add("--plantings", type=int, default=50, help="default: 50")
    add("--splits", type=int, default=200, help="of the calibration (default: 200)")
    add("--runs", type=int, default=20, help="of the simulations of what stands out (default: 20)")
    add("--rounds", type=int, default=3, help="of the speed (default: 3)")
    add("--again", action="store_true", help="measure rankings that the record has, too")
    add("--record", type=Path, help="file that keeps all results as JSON, and is read first")
    add("--out", type=Path, help="file to write the tables into (default: none, they are printed)")
    add("--dump", type=Path, metavar="FOLDER", help="write the sets to a folder and stop")
    return parser.parse_args()


def main() -> None:
    """Run the command line."""
    arguments = parsed_arguments()
    if arguments.dump:
        dump(arguments)
        return
    warnings.simplefilter("ignore")  # peers warn about their own dependencies, thousands of times
    record: Result = {"rankings": {}}
    if arguments.record and arguments.record.exists():
        record = json.loads(arguments.record.read_text(encoding="utf-8"))
    command = shlex.join(["python", "benchmarks/detection/run.py", *sys.argv[1:]])
    heading = f"{machine()}. Command: `{command}`."
    measure_parts(record, arguments)
    text = report(record, heading)
    print(f"\n{text}")
    if arguments.out:
        write_between_markers(arguments.out, text)


if __name__ == "__main__":
    main()
