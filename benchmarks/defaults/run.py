"""Measure how good a map somscape's defaults make, beside its peers, and write README.md.

    python benchmarks/defaults/run.py [--only NAME ...] [--parts PART ...] [--seeds N]
        [--trials N] [--max-rows N] [--search-rows N] [--cap SECONDS]
        [--record FILE] [--out FILE]

The parts are independent: ``curve`` (our defaults, and our quality over the final radius),
``peers`` (their quality, read against our curve), ``search`` (what a random search of our own
parameters finds) and ``times`` (seconds to a quality, on four problems). With ``--record`` what was
measured before is kept, and only what this run measures is replaced; ``--parts`` without a name
only writes the tables anew.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from measure import TIMED, Result, curve, defaults, peer_quality, search, timed  # noqa: E402
from peers import PEERS  # noqa: E402
from readme import machine, write_between_markers  # noqa: E402
from sets import SETS  # noqa: E402
from summary import report  # noqa: E402

PARTS = ("curve", "peers", "search", "times")


def run_set(name: str, record: Result, arguments: argparse.Namespace) -> None:
    """Do the chosen parts on one set, keeping the results in the record.

    A set whose package or file is not here is left out.
    """
    try:
        rows = SETS[name]()[: arguments.max_rows]
    except (ImportError, FileNotFoundError) as error:
        print(f"{name}: left out, {error}", flush=True)
        return
    result = record["sets"].setdefault(name, {})
    if "curve" in arguments.parts or "default" not in result:
        result["n_samples"], result["n_features"] = rows.shape
        result["default"] = defaults(rows)
        told(name, "default", result["default"]["rectangular"])
        result["curve"] = curve(rows, tuple(result["default"]["rectangular"]["shape"]))
        for point in result["curve"]:
            told(name, f"radius_end {point['radius_end']}", point)
        save(record, arguments)
    shape = tuple(result["default"]["rectangular"]["shape"])
    if "peers" in arguments.parts:
        result["peers"] = {}
        for key, peer in PEERS.items():
            results = result["peers"][key] = []
            for seed in range(arguments.seeds):
                results.append(peer_quality(peer, rows, shape, seed, arguments.cap))
                told(name, f"{key}, seed {seed}", results[-1])
            save(record, arguments)
    if "search" in arguments.parts:
        result["search"] = []
        for seed in range(arguments.seeds):
            found = search(rows, shape, seed, arguments.trials, arguments.search_rows)
            result["search"].append(found)
            told(name, f"search default, seed {seed}", found["default"])
            if found["best"]:
                told(name, f"search best, seed {seed}", found["best"])
            save(record, arguments)


def told(name: str, what: str, result: Result) -> None:
    """Print a line of progress."""
    seconds = f", {result['seconds']:.1f} s" if "seconds" in result else ""
    cut = f" ({result['cut']})" if result.get("cut") else ""
    quality = f"QE {result['qe']:.4f}, TE {result['te']:.4f}"
    print(f"{name}: {what}: {quality}{seconds}{cut}", flush=True)


def save(record: Result, arguments: argparse.Namespace) -> None:
    """Write the record, where one is kept."""
    if arguments.record:
        arguments.record.write_text(json.dumps(record), encoding="utf-8")


def parsed_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description="Measure the quality of somscape's defaults.")
    names = tuple(dict.fromkeys((*SETS, *TIMED)))
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--seeds", type=int, default=10, help="default: 10")
    help_trials = "trials of the random search (default: 50)"
    parser.add_argument("--trials", type=int, default=50, help=help_trials)
    help_max = "rows of a set at most, the first ones, for a quick look (default: all)"
    parser.add_argument("--max-rows", type=int, help=help_max)
    help_rows = "rows that the search trains on at most (default: 100,000)"
    parser.add_argument("--search-rows", type=int, default=100_000, help=help_rows)
    help_cap = "seconds that a peer's fit may take; longer ones are cut (default: 60)"
    parser.add_argument("--cap", type=float, default=60, help=help_cap)
    help_record = "file that keeps all results as JSON, and is read first"
    parser.add_argument("--record", type=Path, help=help_record)
    help_out = "file to write the tables into (default: none, they are printed)"
    parser.add_argument("--out", type=Path, help=help_out)
    return parser.parse_args()


def main() -> None:
    """Run the command line."""
    arguments = parsed_arguments()
    record: Result = {"sets": {}, "times": {}}
    if arguments.record and arguments.record.exists():
        record = json.loads(arguments.record.read_text(encoding="utf-8"))
    command = shlex.join(["python", "benchmarks/defaults/run.py", *sys.argv[1:]])
    heading = f"{machine()}. Command: `{command}`."
    chosen = arguments.only or (*SETS, *TIMED)
    if {"curve", "peers", "search"} & set(arguments.parts):
        for name in (name for name in SETS if name in chosen):
            run_set(name, record, arguments)
    if "times" in arguments.parts:
        for name in (name for name in TIMED if name in chosen):
            rounds = record["times"][name] = []
            for seed in range(arguments.seeds):
                rounds.append(timed(name, seed, arguments.cap))
                for library, result in rounds[-1].items():
                    told(name, f"{library}, seed {seed}", result)
                save(record, arguments)
    text = report(record, heading)
    print(f"\n{text}")
    if arguments.out:
        write_between_markers(arguments.out, text)


if __name__ == "__main__":
    main()
