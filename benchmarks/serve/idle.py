"""Ask the service while many connections stay idle: the slowest answer, and what the log says.

    python benchmarks/serve/idle.py [--seconds 20] [--files 1024]

750 connections send nothing and 400 send half a request, and each is opened again as soon as the
server has closed it.  A client meanwhile asks over new connections.
"""

import argparse
import http.client
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from run import prepare

sys.path.append(str(Path(__file__).parents[2] / "tests"))
from flood import HALF_A_REQUEST, flood


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--files", type=int, default=10_240)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        with (folder / "log").open("wb") as log:
            service = start(folder / "map.som", given.files, log)
            while b"http" not in (begin := (folder / "log").read_bytes()):
                time.sleep(0.1)
            port = int(begin.split()[-1].rpartition(b":")[2])
            with flood(port, 750), flood(port, 400, HALF_A_REQUEST):
                waited, n_failed = ask(port, given.seconds)
            service.terminate()
            code = service.wait()
        n_bytes = (folder / "log").stat().st_size - len(begin)
    print(
        f"{len(waited)} answers, the slowest {max(waited):.3f} s; {n_failed} failed; "
        f"log +{n_bytes} bytes; exit code {code}"
    )


def start(path: Path, n_files: int, log) -> subprocess.Popen:
    """Start the service on a free port, with a limit on its open files."""
    command = "from somscape.desk.cli._commands import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", command, "serve", str(path), "--port", "0"],
        stdout=log,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n_files, n_files)),
    )


def ask(port: int, seconds: float) -> tuple[list[float], int]:
    """Return the seconds of each answer, and how many requests failed."""
    waited, n_failed, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            try:
                connection.request("GET", "/live")
                assert connection.getresponse().status == 204
            except (OSError, http.client.HTTPException):
                n_failed += 1
                continue
        waited.append(time.monotonic() - begin)
        time.sleep(0.05)
    return waited, n_failed


if __name__ == "__main__":
    main()
