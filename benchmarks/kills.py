"""Kill real commands, a job of the app, and the app at each system call of their writing.

    python benchmarks/kills.py          # needs strace; about ten minutes

Each is started anew for each of its calls that change or flush a file, and killed on entering it.
After each end, the old results or the new ones must be there, whole, and nothing else once the next
command has begun; a mark that the app had answered must be there after its next start.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from command_line import IN_A_PROCESS, customers, write  # noqa: E402
from kill_points import state_of  # noqa: E402
from web_client import serving  # noqa: E402

from somscape._files import check_room  # noqa: E402

CALLS = ("mkdir", "flock", "write", "fsync", "rename", "renameat2", "unlinkat", "rmdir")
LAST = 30
"""Of each call, so many at the end; those before tell of the training."""

N_SERVERS = 40
WORK = "from somscape.desk.app._work import work; work()"
OPTIONS = {
    **dict.fromkeys(("id_column", "label", "alerts", "fdr", "p_value", "amount", "cost")),
    **{name: [] for name in ("drop", "category", "number", "date", "ordinal")},
    **{"missing": "fill", "contamination": 0.05, "seed": 0},
}


def run(code: str, words: list[str], request: dict[str, object] | None, *strace: str) -> bytes:
    """Run Python under strace; standard input is open until it ends, as a job of the app needs."""
    command = ["strace", "-f", "-qq", "-o", "calls.txt", *strace, sys.executable, "-c", code]
    process = subprocess.Popen(
        [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        said = process.stdout.read()
        process.wait()
    return said


def kill_at_each_call(
    name: str, target: Path, old: Path, code: str, words: list[str], request=None
):
    """Kill a process that replaces `old` at `target`, at each of its calls."""
    kept = state_of(old)
    trace = ["-e", f"trace={','.join(CALLS)}"]

    def renew() -> None:
        shutil.rmtree(target.parent)
        target.parent.mkdir()
        (shutil.copytree if old.is_dir() else shutil.copy)(old, target)

    renew()
    run(code, words, request, *trace)
    calls = [
        line.split()[1].partition("(")[0] for line in Path("calls.txt").read_text().splitlines()
    ]
    counts, new, outcomes = (
        Counter(call for call in calls if call in CALLS),
        state_of(target),
        Counter(),
    )
    assert new != kept, "nothing was replaced"
    for call, n in counts.items():
        for k in range(max(1, n - LAST), n + 1):
            renew()
            run(code, words, request, *trace, "-e", f"inject={call}:signal=KILL:when={k}")
            assert "killed by SIGKILL" in Path("calls.txt").read_text(), (call, k)
            found = state_of(target)
            assert found in (kept, new), (name, call, k, found)
            outcomes["old" if found == kept else "new"] += 1
            check_room(target)
            assert [*target.parent.iterdir()] == [target], (name, call, k)
            assert state_of(target) == found
    print(f"{name}: {outcomes.total()} kills, {dict(outcomes)}; {dict(counts)}", flush=True)


def kill_servers(table: bytes) -> None:
    """Kill the app while it ranks, at any moment, and look at what its next start shows."""
    rng, outcomes, marked = random.Random(0), Counter(), {}
    state = Path("state").resolve()
    for i in range(N_SERVERS):
        with serving(state) as server:
            client = server.client.enter()
            for run_id, rows in marked.items():
                assert client.get(f"/api/runs/{run_id}/marks") == rows
                assert client.ask("GET", f"/runs/{run_id}/report").status == 200
            run_id = client.upload(f"t{i}.csv", table)
            client.wait(run_id)
            client.post(f"/api/runs/{run_id}/start")
            if i % 2:
                time.sleep(rng.uniform(0.0, 2.0))
            else:  # at once when it is done, or a mark is saved
                client.wait(run_id)
                number = client.get(f"/runs/{run_id}/files/report.json")["rows"]["numbers"][0]
                client.post(f"/api/runs/{run_id}/mark", {"row": number, "decision": "confirmed"})
                marked[run_id] = {str(number): "confirmed"}
            server.process.kill()
            server.process.wait()
        with serving(state) as server:
            client = server.client.enter()
            found = client.get(f"/api/runs/{run_id}")["state"]
            if found in ("interrupted", "failed"):
                client.post(f"/api/runs/{run_id}/retry")
                assert client.wait(run_id)["state"] == "done"
            assert client.ask("GET", f"/runs/{run_id}/report").status == 200
            outcomes[found] += 1
            assert not [*(state / "runs").glob("*/.somscape-*")]
            if not i % 2:
                continue
            client.post(f"/api/runs/{run_id}/delete")
    print(f"app: {N_SERVERS} kills, {dict(outcomes)}; {len(marked)} marks kept", flush=True)


def main() -> None:
    """Make old and new results, and kill what replaces the one by the other."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        here = Path(folder)
        for age, n in (("old", 40), ("new", 60)):
            write(here / f"{age}.csv", *customers(n))
            for words in (
                ("detect", f"{age}.csv", "--out", f"{age}.found"),
                ("fit", f"{age}.csv", "--out", f"{age}.som"),
                ("score", "old.found/map.som", f"{age}.csv", "--out", f"{age}.scores.csv"),
                ("convert", f"{age}.som", f"{age}.parquet"),
            ):
                subprocess.run([sys.executable, "-c", IN_A_PROCESS, *words], check=True, stdout=-3)
        (here / "out").mkdir()
        for name, ending, words in (
            ("convert", ".parquet", ["convert", "new.som"]),
            ("score", ".scores.csv", ["score", "old.found/map.som", "new.csv", "--out"]),
            ("fit", ".som", ["fit", "new.csv", "--out"]),
            ("detect", ".found", ["detect", "new.csv", "--out"]),
        ):
            target = here / "out" / f"target{ending}"
            kill_at_each_call(
                name, target, here / f"old{ending}", IN_A_PROCESS, [*words, str(target)]
            )
        request = {
            **{"task": "rank", "name": "t.csv", "file": str(here / "new.csv"), "job": OPTIONS},
            **{"folder": str(here / "out"), "state": str(here / "state")},
        }
        shutil.copytree("old.found", "old.results")
        target = here / "out" / "results"
        kill_at_each_call("job of the app", target, here / "old.results", WORK, [], request)
        kill_servers((here / "new.csv").read_bytes())


if __name__ == "__main__":
    main()
