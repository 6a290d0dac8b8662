"""What `somscape serve` starts."""

from collections.abc import Callable
from pathlib import Path

from somscape._files import read_secret
from somscape.errors import InputError
from somscape.serve._limits import Limits
from somscape.web import (
    Origins,
    answer_requests,
    check_libraries,
    is_loopback,
    listening,
    server_context,
)

LIBRARIES = ("apispec", "msgspec", "prometheus_client", "starlette", "uvicorn")

GRACE = 30
"""Seconds in which requests may be finished when the service ends."""

MIN_TOKEN = 16
"""Letters of a token: shorter ones can be guessed."""


def serve_map(
    path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    token_file: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    allow_readable_secrets: bool = False,
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Answer requests by a saved map, until SIGTERM or Ctrl-C."""
    check_libraries("the service", LIBRARIES, "serve")
    _check_others(host, token_file, tls_cert, tls_key)
    may_be_readable, tls = allow_readable_secrets, None
    token = None if token_file is None else _token_in(token_file, may_be_readable)
    if tls_cert and tls_key:
        tls = server_context(tls_cert, tls_key, may_be_readable=may_be_readable)
    # Late, because only the service needs them.
    from somscape.serve._gate import Gate
    from somscape.serve._keeper import Keeper
    from somscape.serve._metrics import Metrics
    from somscape.serve._routes import Service

    limits = limits or Limits()
    try:
        with listening(host, port) as listener:
            port = listener.getsockname()[1]
            keeper, metrics = Keeper(path), Metrics()
            service = Service(keeper, limits, metrics, say)

            def started() -> None:
                name = f"[{host}]" if ":" in host else host
                say(f"Serving {path} at {'https' if tls else 'http'}://{name}:{port}")

            app = Gate(
                service.app(started),
                Service.ROUTES,
                limits,
                metrics,
                origins=Origins.of_loopback(host, port),
                token=token,
                say=say,
            )
            answer_requests(app, listener, grace=GRACE, tls=tls, say=say)
    except KeyboardInterrupt:
        pass  # how it is ended


def _check_others(host: str, token: Path | None, cert: Path | None, key: Path | None) -> None:
    """Refuse to let others in without a key, or over a connection that all can read."""
    if (cert is None) != (key is None):
        raise InputError("`tls_cert` and `tls_key` belong together; give both or neither.")
    lacking = [
        words
        for given, words in ((token, "`token_file`"), (cert, "`tls_cert` with `tls_key`"))
        if given is None
    ]
    if lacking and not is_loopback(host):
        raise InputError(
            f"`host` {host} lets other computers in, which needs {' and '.join(lacking)}. Add "
            "them, or leave it out for this machine alone."
        )


def _token_in(path: Path, may_be_readable: bool) -> str:
    try:
        data = read_secret(path, "`token_file`", may_be_readable=may_be_readable)
        token = data.decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`token_file` {path} cannot be read as a line of ASCII.") from error
    if len(token) < MIN_TOKEN or not token.isprintable() or " " in token:
        raise InputError(
            f"`token_file` {path} must hold one word of at least {MIN_TOKEN} letters, such as "
            "`openssl rand -hex 32` writes."
        )
    return token
