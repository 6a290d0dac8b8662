"""End the service under load, again and again: what becomes of requests, and of the map file.

    python benchmarks/serve/kill.py [--times 10]

Four clients ask one row after the other.  At a random moment the service gets SIGTERM, or SIGKILL.
A request is lost if it was sent and has no answer; one that finds nobody listening was not sent.
"""

import argparse
import hashlib
import http.client
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from run import prepare, start

CLIENTS = 4


def main() -> None:
    """Print a table of what was counted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    given = parser.parse_args()
    print("| signal | times | answered | lost | other answers than 200 | exit codes | map file |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        for what in (signal.SIGTERM, signal.SIGKILL):
            counts, codes, before = Counter(), set(), _hash(folder)
            for _ in range(given.times):
                codes.add(once(Path(folder), what, counts))
            same = "unchanged" if _hash(folder) == before else "CHANGED"
            others = sum(n for key, n in counts.items() if key not in (200, "lost"))
            print(
                f"| {what.name} | {given.times} | {counts[200]} | {counts['lost']} | {others} | "
                f"{', '.join(map(str, sorted(codes)))} | {same} |"
            )


def once(folder: Path, what: signal.Signals, counts: Counter) -> int:
    """Start the service, load it, and end it; return its exit code."""
    bodies = (folder / "rows.jsonl").read_text().splitlines()
    service = start(folder / "map.som")
    host = service.stdout.readline().split()[-1].rpartition("/")[2]
    clients = [
        threading.Thread(target=ask, args=(host, bodies[i::CLIENTS], counts))
        for i in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    time.sleep(random.uniform(0.2, 1.0))
    service.send_signal(what)
    for client in clients:
        client.join()
    return service.wait()


def ask(host: str, bodies: list[str], counts: Counter) -> None:
    """Ask over one connection until there is nobody any more."""
    connection = http.client.HTTPConnection(host, timeout=30)
    while True:
        for body in bodies:
            try:
                connection.connect() if connection.sock is None else None
            except OSError:
                return
            try:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/score?reasons=all", body, headers)
                answer = connection.getresponse()
                answer.read()
                counts[answer.status] += 1
            except (OSError, http.client.HTTPException):
                counts["lost"] += 1
                return


def _hash(folder: str) -> str:
    return hashlib.sha256((Path(folder) / "map.som").read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
