"""The server of `somscape app`, its network address, and its TLS settings."""

import errno
import os
import re
import shutil
import socket
import ssl
import stat
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from somscape._files import shown
from somscape.desk.app._calls import RunCalls, WatchCalls
from somscape.desk.app._context import ONLY_SHOWN, Context, keep_table, limit_of
from somscape.desk.app._login import KeyDoor, LoginDoor, NamedDoor
from somscape.desk.app._pages import HEADERS, POLICY, answer_of, template
from somscape.desk.app._queue import Queue
from somscape.desk.app._results import MarkStore, said_of
from somscape.desk.app._store import Run, Store
from somscape.desk.app._users import LOOK, Users
from somscape.desk.app._work import one_line
from somscape.desk.cases.records import DecidedMeanwhileError
from somscape.desk.store._places import state_folder
from somscape.desk.store._sqlite import FAILED, FULL, LOCKED, READ_ONLY, TroubleError
from somscape.desk.web._addresses import is_address, is_loopback
from somscape.desk.web._gate import ANYBODY, PORTS, Access, Call, Gate, Origins, Refusal
from somscape.desk.web._servers import answer_requests, names_of, server_context
from somscape.desk.web._servers import listening as listening_on
from somscape.errors import InputError
from somscape.report.page import page_part
from somscape.tables._messages import counted
from somscape.tables.table import Table

LOOPBACK = "127.0.0.1"
PROXY = re.compile(r"https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
FOR_PROXIES = ("socket", "socket_group", "user_header")
FOR_TEAMS = ("tls_cert", "tls_key", "behind_proxy", *FOR_PROXIES)
NEEDS_TEAM = (
    "`host` {host} lets other computers connect, so it needs `users`, `tls_cert` and `tls_key`. "
    "Give these three, or leave `host` out and use `users` with `behind_proxy`, or an SSH tunnel."
)


@dataclass(frozen=True)
class Front:
    """Settings for the address on which the app listens, and for who may use the app.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        Address to listen on.  Every address except loopback needs `users` and TLS.
    port : int, default=0
        Port to listen on. 0 selects a free port.
    users : Path or None, default=None
        File of users.  If None, everyone who knows the address that the app prints can use the app.
    tls_cert, tls_key : Path or None, default=None
        Files of the server's TLS certificate and of its private key, in PEM format.
    behind_proxy : str or None, default=None
        Address that browsers use to reach the proxy, ``https://NAME``.
    socket : Path or None, default=None
        Path of the Unix socket on which the app listens for the proxy. No port is used then.
    socket_group : str or None, default=None
        Group of the operating system whose members may also connect to the Unix socket.
    user_header : str or None, default=None
        Name of the HTTP header in which the proxy sends the name of the user.
    allow_readable_secrets : bool, default=False
        Whether the files `users` and `tls_key` may be readable by other users of the computer.

    Raises
    ------
    InputError
        If these settings contradict each other, or if a required setting is missing.
    """

    host: str = LOOPBACK
    port: int = 0
    users: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: str | None = None
    socket: Path | None = None
    socket_group: str | None = None
    user_header: str | None = None
    allow_readable_secrets: bool = False

    def __post_init__(self) -> None:
        for parameter, problem in self._problems():
            raise InputError(problem, parameter=parameter, value=getattr(self, parameter))

    def _problems(self) -> Iterator[tuple[str, str]]:
        """Yield the parameters that contradict others or lack others, with messages."""
        given = [name for name in FOR_TEAMS if getattr(self, name) is not None]
        if given and self.users is None:
            yield (
                given[0],
                f"`{given[0]}` is for a team, so it needs a file of users. Make the file with "
                "`somscape app --add-user NAME --role run`, and give it with `users`.",
            )
        if self.behind_proxy is not None:
            yield from self._problems_of_proxy(self.behind_proxy, given)
            return
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_cert"
            yield (
                missing,
                f"`tls_cert` and `tls_key` must be given together. Also give `{missing}`.",
            )
        if not is_loopback(self.host) and self.tls_cert is None:
            yield "host", NEEDS_TEAM.format(host=self.host or "''")
        for name in given:
            if name in FOR_PROXIES:
                said = "is for a proxy. Also give the address of the proxy with `behind_proxy`."
                yield name, f"`{name}` {said}"

    def _problems_of_proxy(self, proxy: str, given: list[str]) -> Iterator[tuple[str, str]]:
        if given[0] in ("tls_cert", "tls_key"):
            yield (
                "behind_proxy",
                "With `behind_proxy`, the proxy handles TLS. Leave out `tls_cert` and `tls_key`, "
                "or leave out `behind_proxy`.",
            )
        found = PROXY.fullmatch(proxy)
        if found is None or not 0 < int(found[2] or 1) < 65536:
            yield (
                "behind_proxy",
                "`behind_proxy` must be the address of the proxy in browsers, without a path, such "
                f"as https://somscape.bank.example, but is {proxy!r:.100}.",
            )
        if not is_loopback(self.host):
            yield (
                "behind_proxy",
                "`behind_proxy` needs a proxy on this computer, because the connection to the "
                f"proxy is not encrypted. Leave out `host` {self.host}.",
            )
        if self.socket is not None and (self.port or self.host != LOOPBACK):
            yield "socket", "`socket` replaces `host` and `port`. Leave out `host` and `port`."
        for name in given:
            if name in ("socket_group", "user_header") and self.socket is None:
                yield (
                    name,
                    f"`{name}` needs `socket`, because every program on this computer can connect "
                    "to a port and give any name.",
                )
        if self.user_header is not None and not HEADER.fullmatch(self.user_header):
            yield (
                "user_header",
                "`user_header` must be the name of a header, such as X-Remote-User, but is "
                f"{self.user_header!r:.100}.",
            )

    def origins(self, port: int, certified: frozenset[str]) -> Origins:
        """Return the origins (scheme, port and host names) at which browsers may reach the app."""
        if self.behind_proxy is not None:
            found = PROXY.fullmatch(self.behind_proxy)
            assert found
            name = found[1].strip("[]").lower()
            return Origins("https", int(found[2] or PORTS["https"]), frozenset({name}))
        if self.tls_cert is not None:
            return Origins("https", port, certified)
        return Origins.of_loopback(self.host, port)

    def address(self, origins: Origins) -> str:
        """Return the address of the app that a user types into the browser."""
        name = self.host
        if self.behind_proxy is not None or (self.tls_cert and name not in origins.names):
            # Take the most readable name of the certificate.
            name = min(origins.names, key=lambda one: ("*" in one, is_address(one), one))
        shown = f"[{name}]" if ":" in name else name
        port = "" if origins.port == PORTS[origins.scheme] else f":{origins.port}"
        return f"{origins.scheme}://{shown}{port}/"


@dataclass(frozen=True)
class Entrance:
    """How browsers reach the app.

    Attributes
    ----------
    door : KeyDoor, NamedDoor or LoginDoor
        Decides who may use the app.
    origins : Origins
        Origins (scheme, port and host names) at which browsers may reach the app.
    greeting : str
        Line for the terminal that contains the address of the app.
    to_open : str
        Address that the app opens in the browser at the start, or "" if no browser is started.
    tls : ssl.SSLContext or None
    """

    door: KeyDoor | NamedDoor | LoginDoor
    origins: Origins
    greeting: str
    to_open: str = ""
    tls: ssl.SSLContext | None = None


def open_entrance(front: Front, listener: socket.socket, say: Callable[[str], None]) -> Entrance:
    """Return the entrance for these settings."""
    tls, certified = None, frozenset[str]()
    if front.tls_cert is not None and front.tls_key is not None:
        tls = server_context(
            front.tls_cert, front.tls_key, may_be_readable=front.allow_readable_secrets
        )
        certified = names_of(tls, front.tls_cert)
    port = 0 if front.socket is not None else int(listener.getsockname()[1])
    origins = front.origins(port, certified)
    address = front.address(origins)
    if front.users is None:
        door = KeyDoor(origins.cookie)
        said = f"The app is at {address}?token={door.token}"
        return Entrance(door, origins, said, f"{address}?token={door.once}")
    users = Users(
        front.users,
        has_passwords=front.user_header is None,
        may_be_readable=front.allow_readable_secrets,
        say=say,
    )
    known = counted(len(users.now() or ()), "user")
    said = f"The app is at {address} for the {known} in {shown(front.users)}"
    if front.behind_proxy is not None:
        place = f"port {port} of {front.host}" if front.socket is None else shown(front.socket)
        said += f", through a proxy that connects to {place}"
    if front.user_header is not None:
        return Entrance(NamedDoor(users, front.user_header), origins, said)
    team = LoginDoor(users, origins, is_behind_proxy=front.behind_proxy is not None)
    return Entrance(team, origins, said, tls=tls)


def listening(front: Front) -> AbstractContextManager[socket.socket]:
    """Return a context manager that opens the configured port or Unix socket for connections."""
    if front.socket is None:
        return listening_on(front.host, front.port)
    return _on_socket(front.socket, front.socket_group)


@contextmanager
def _on_socket(path: Path, group: str | None) -> Iterator[socket.socket]:
    if not hasattr(socket, "AF_UNIX"):
        raise InputError(
            "This system does not support Unix sockets. Leave `socket` out.", parameter="socket"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            _clear_left(path)
            listener.bind(str(path))
            try:
                # Set the mode before listening, because nobody can connect before then.
                path.chmod(0o600 if group is None else 0o660)
                if group is not None:
                    shutil.chown(path, group=group)
                listener.listen()
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except (OSError, LookupError) as error:
            said = getattr(error, "strerror", None) or error
            raise InputError(
                f"The app cannot listen on `socket` {shown(path)} ({said}). Give a path of at most "
                "100 bytes in your own folder, and a group to which you belong.",
                parameter="socket",
                file=path,
            ) from error
        own = path.stat().st_ino
        try:
            yield listener
        finally:
            listener.close()
            with suppress(FileNotFoundError):
                if path.stat().st_ino == own:
                    path.unlink()


def _clear_left(path: Path) -> None:
    """Delete the file of a Unix socket if the server that created it was killed."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_socket:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
    raise FileExistsError(errno.EEXIST, "the path already exists")


MIN_MEMORY = 2 << 30
"""Memory in bytes of a job for computing the default number of simultaneous jobs."""

SHARE = 0.8
"""Share of the machine's memory that all simultaneous jobs may use together."""

GRACE = 2
"""Seconds that requests in progress have to finish when the app shuts down."""


@dataclass(frozen=True)
class AppLimits:
    """Limits of the app.

    Parameters
    ----------
    max_upload : int
        Maximum number of bytes of an uploaded file.
    n_jobs : int
        Maximum number of jobs at a time.
    memory : int
        Bytes of memory that each job may use. Some systems cannot enforce this limit.
    """

    max_upload: int
    n_jobs: int
    memory: int

    @classmethod
    def of_machine(
        cls, max_upload: int, n_jobs: int | None = None, memory: int | None = None
    ) -> "AppLimits":
        """Return limits with the given values. None: chosen for this machine."""
        # Late, because the process of a job does not need it.
        from somscape.fit._plan import machine_memory

        all_jobs = int(SHARE * machine_memory())
        if n_jobs is None:
            n_jobs = max(1, min(_n_cores(), all_jobs // (memory or MIN_MEMORY)))
        return cls(max_upload, n_jobs, memory or all_jobs // n_jobs)


def serve(
    state: Path | str | None = None,
    *,
    front: Front,
    limits: AppLimits,
    opens_browser: bool = True,
    tables: Sequence[Table] = (),
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the app until it is interrupted."""
    # Ctrl-C ends the app.  An address in use must not leave a new folder behind.
    with suppress(KeyboardInterrupt), listening(front) as listener:
        entrance = open_entrance(front, listener, say)
        with closing(Store(state or state_folder())) as store:
            if store.is_read_only:
                say(f"{store.folder} {ONLY_SHOWN}")
            for table in tables:
                keep_table(store, table)  # jobs read them later
            marks = MarkStore(store)
            queue = Queue(store, limits.n_jobs, limits.memory, marks)
            at = Context(store, queue, marks, limits.max_upload)

            def started() -> None:
                say(entrance.greeting)
                if opens_browser and entrance.to_open:
                    # In a thread, because a browser in the terminal would block the server.
                    threading.Thread(
                        target=webbrowser.open, args=(entrance.to_open,), daemon=True
                    ).start()

            site = Site(at).app(started, entrance.door.calls(), store.after_start())
            app = gate_of(site, entrance.door, entrance.origins)
            answer_requests(app, listener, grace=GRACE, tls=entrance.tls)


MAX_BODY = 4 << 20
"""Maximum size in bytes of the body of a request that does not upload a file."""


def gate_of(site: Starlette, door: Access, origins: Origins) -> Gate:
    """Return the gate in front of the app."""
    headers = {**HEADERS, "Content-Security-Policy": POLICY}
    return Gate(site, door, origins, limit_of(MAX_BODY), answer=answer_of, headers=headers)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


STATUS = {LOCKED: 503, READ_ONLY: 403, FULL: 507, FAILED: 507}
"""HTTP status of the response if a database cannot be changed, by the reason."""

SHARED = ("report.css", "elements.js")
"""Files that the pages of the app and the HTML report both use."""

SCRIPTS = (
    *("host", "calls", "send", "decisions", "start", "runs", "run", "columns", "watch", "case"),
)
STATIC = {
    **dict.fromkeys(("report.css", "app.css"), "text/css"),
    **dict.fromkeys(("elements.js", *(f"{name}.js" for name in SCRIPTS)), "text/javascript"),
    "icon.svg": "image/svg+xml",
}


class Site:
    """The pages and routes of the app.

    The body of a request is read before the run that it names is looked up. Another browser tab may
    start or delete this run while the body arrives.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def app(
        self, started: Callable[[], None], more: Sequence[Call] = (), waiting: Sequence[Run] = ()
    ) -> Starlette:
        """Return the ASGI app with more calls. When it is ready, it calls `started`."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            for run in waiting:
                self._at.queue.add(run)
            started()
            yield
            await self._at.queue.close()

        calls = [
            Call("/", self.start_page, LOOK),
            Call("/runs/{run}", self.run_page, LOOK),
            Call("/static/{name}", self.static, ANYBODY),
            Call("/favicon.ico", self.icon, ANYBODY),
            *RunCalls(self._at).calls(),
            *WatchCalls(self._at).calls(),
            *more,
        ]
        handlers: dict[Any, Any] = {
            HTTPException: answer_of,
            DecidedMeanwhileError: _say_meanwhile,
            TroubleError: _say_trouble,
            InputError: self._say_input,
            OSError: self._say_disk,
        }
        return Starlette(routes=calls, exception_handlers=handlers, lifespan=lifespan)

    async def start_page(self, request: Request) -> Response:
        """Respond with the home page, which shows watches, an upload form, and other runs."""
        return self._at.page(request, "start.html")

    async def run_page(self, request: Request) -> Response:
        """Respond with the page of a run, which shows its columns, settings and progress."""
        self._at.run(request)
        return self._at.page(request, "run.html")

    async def static(self, request: Request) -> Response:
        """Respond with a script, a style sheet or the icon."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise Refusal(404, "This page does not exist.")
        text = page_part(name) if name in SHARED else template(name).template
        return Response(text, media_type=STATIC[name])

    async def icon(self, request: Request) -> Response:
        """Respond with the icon at the path that all browsers request."""
        return Response(template("icon.svg").template, media_type=STATIC["icon.svg"])

    def _say_input(self, request: Request, error: InputError) -> Response:
        return answer_of(request, Refusal(422, one_line(str(error))))

    def _say_disk(self, request: Request, error: OSError) -> Response:
        trouble = self._at.store.trouble(error)
        if trouble is not None:
            return _say_trouble(request, trouble)
        words = getattr(error, "strerror", None) or error
        place = shown(getattr(error, "filename", None) or self._at.store.folder)
        said = (
            f"The app cannot use {place} ({words}). If the disk is full, free some space, and try "
            "again."
        )
        return answer_of(request, Refusal(STATUS[FULL], said))


def _say_trouble(request: Request, error: TroubleError) -> Response:
    return answer_of(request, Refusal(STATUS[error.why], shown(one_line(str(error)))))


def _say_meanwhile(request: Request, error: DecidedMeanwhileError) -> Response:
    return JSONResponse({"problem": one_line(str(error)), "last": said_of(error.last)}, 409)
