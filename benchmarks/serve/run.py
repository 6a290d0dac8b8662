"""Time the scoring service: an empty route beside one row with reasons, and rows in batches.

    python benchmarks/serve/run.py [--seconds 10] [--clients 4] [--rounds 3]

Needs `wrk` (apt install wrk) and the extra `serve`.  All is timed in the same run, in turns, so
that what else the machine does falls on all alike.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from somscape import SOMDetector, TableEncoder
from somscape.datasets import load_german_credit

SCRIPT = """
local bodies, n = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function() n = n %% #bodies + 1; return wrk.format(nil, nil, nil, bodies[n]) end
"""
"""Sends the rows of a file in turn: no two requests that follow each other are the same."""

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
BATCH = 50_000


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = prepare(Path(folder))
        service = start(Path(folder) / "map.som")
        try:
            address = service.stdout.readline().split()[-1]
            measure(address, Path(folder), rows, given)
        finally:
            service.terminate()
            service.wait()


def prepare(folder: Path) -> list[dict]:
    """Save a detector of the credit applications, and its rows as requests."""
    table = load_german_credit()
    encoder = TableEncoder(label="class", missing="fill")
    SOMDetector(encoder=encoder, random_state=0).fit(table).detector_.save(folder / "map.som")
    rows = [{name: cell for name, cell in row.items() if name != "class"} for row in table]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "score.lua").write_text(SCRIPT % (folder / "rows.jsonl"))
    return rows


def start(path: Path) -> subprocess.Popen:
    """Start the service on a free port."""
    command = [
        sys.executable,
        "-c",
        "from somscape.desk.cli._commands import main; main()",
        "serve",
        str(path),
    ]
    limits = ["--port", "0", "--max-body", "64"]
    return subprocess.Popen([*command, *limits], stdout=subprocess.PIPE, text=True)


def measure(address: str, folder: Path, rows: list[dict], given: argparse.Namespace) -> None:
    """Time routes in turns, then batches."""
    routes = {
        "empty route (/live)": [f"{address}/live"],
        "one row, no reasons": ["-s", str(folder / "score.lua"), f"{address}/score?reasons=none"],
        "one row with reasons": ["-s", str(folder / "score.lua"), f"{address}/score?reasons=all"],
    }
    found = {name: [] for name in routes}
    for _ in range(given.rounds):
        for name, words in routes.items():
            found[name].append(wrk(words, given))
    print(f"{os.cpu_count()} cores, {given.clients} clients, load {os.getloadavg()[0]:.1f}\n")
    print("| route | median ms | 99 % ms | a second | 99 %, times the empty route's |")
    print("|---|---|---|---|---|")
    first = next(iter(found.values()))
    for name, rounds in found.items():
        ratio = statistics.median(r[1] / e[1] for r, e in zip(rounds, first, strict=True))
        middle = [statistics.median(each) for each in zip(*rounds, strict=True)]
        print(f"| {name} | {middle[0]:.2f} | {middle[1]:.2f} | {middle[2]:.0f} | {ratio:.1f} |")
    print(f"\n| {BATCH:,} rows at once | rows a second |\n|---|---|")
    for name, body, headers in batches(rows):
        print(f"| {name} | {rows_a_second(address, body, headers):,.0f} |")


def wrk(words: list[str], given: argparse.Namespace) -> tuple[float, float, float]:
    """Return median and 99th percentile in milliseconds, and requests a second."""
    command = ["wrk", "-t1", f"-c{given.clients}", f"-d{given.seconds}s", "--latency", *words]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    times = {
        share: float(value) * UNITS[unit]
        for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)
    }
    each_second = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return times["50"], times["99"], float(each_second[1])


def batches(rows: list[dict]) -> list[tuple[str, bytes, dict]]:
    """Return bodies of many rows, by their kind, and the headers that say so."""
    many = (rows * (BATCH // len(rows) + 1))[:BATCH]
    table, sink = pa.Table.from_pylist(many), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    arrow = "application/vnd.apache.arrow.stream"
    return [
        ("JSON", json.dumps(many).encode(), {"Content-Type": "application/json"}),
        ("Arrow", bytes(sink.getvalue()), {"Content-Type": arrow, "Accept": arrow}),
    ]


def rows_a_second(address: str, body: bytes, headers: dict) -> float:
    """Return the best of five requests."""
    best = 0.0
    for _ in range(5):
        connection = http.client.HTTPConnection(address.rpartition("/")[2])
        begin = time.perf_counter()
        connection.request("POST", "/score", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        best = max(best, BATCH / (time.perf_counter() - begin))
        connection.close()
    return best


if __name__ == "__main__":
    main()
