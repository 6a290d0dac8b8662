"""A PostgreSQL server of the tests' own, from the packages of the system."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NO_SERVER = "no PostgreSQL is found here (initdb in the PATH or in /usr/lib/postgresql)"
SECRET = "geheim-4711"
"""Password of the role `reader`; the other roles need none."""

ROLES = ("owner", "reader", "sink", "auditor", "writer")

ACCESS = """
local all reader scram-sha-256
host all reader 127.0.0.1/32 scram-sha-256
local all all trust
host all all 127.0.0.1/32 trust
"""


def programs() -> Path | None:
    """Return the folder of the newest server that is installed."""
    found = shutil.which("initdb")
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3])
    )
    if versions:
        return versions[-1].parent
    return Path(found).resolve().parent if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server with one database and some roles; the superuser is called boss."""

    def __init__(self, bin_: Path) -> None:
        self.port = _free_port()
        # Not below pytest's folders, which the server's user may not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="somscape-pg-"))
        self.who: dict[str, Any] = {"cwd": "/"}
        if os.geteuid() == 0:  # as whom no server starts
            import pwd  # Unix alone has it

            users = {user.pw_name: user for user in pwd.getpwall()}
            user = users.get("postgres") or users["nobody"]
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.who |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data = self.folder / "data"
        options = "-U boss -A trust -E UTF8 --locale=C --no-sync"
        subprocess.run(
            [bin_ / "initdb", "-D", data, *options.split(" ")],
            check=True,
            capture_output=True,
            timeout=120,
            **self.who,
        )
        (data / "pg_hba.conf").write_text(ACCESS)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("listen_addresses = '127.0.0.1'\nfsync = off\n")
        self._command = [bin_ / "postgres", "-D", data, "-k", self.folder, "-p", str(self.port)]
        self.start()
        self.run(
            *(f"CREATE ROLE {name} LOGIN" for name in ROLES),
            f"ALTER ROLE reader PASSWORD '{SECRET}'",
        )

    def start(self) -> None:
        """Start the server, also after it died, and wait until it answers."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, **self.who)
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                self.run("SELECT 1")
                return
            except Exception:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def url(self, user: str = "boss", database: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, user: str = "boss") -> list[Any]:
        """Run statements and return the rows of the last."""
        import adbc_driver_postgresql.dbapi as driver

        with driver.connect(self.url(user), autocommit=True) as connection:
            rows: list[Any] = []
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    rows = list(cursor.fetchall()) if cursor.description else []
            return rows

    def die(self) -> None:
        """End the server and everything that it does, as a crash would."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.die()
        shutil.rmtree(self.folder, ignore_errors=True)
