"""A certificate and its key, tried before anything starts: their handshake, and the names in it."""

import ipaddress
import ssl
from pathlib import Path
from typing import NoReturn

from somscape._files import read_secret, shown
from somscape.errors import InputError


def server_context(
    certificate: Path, key: Path, *, may_be_readable: bool = False
) -> ssl.SSLContext:
    """Return how a server speaks TLS, in versions 1.2 and 1.3."""
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            if path is key:
                read_secret(key, "`tls_key`", may_be_readable=may_be_readable)
            else:
                path.open("rb").close()
        except OSError as error:
            raise InputError(
                f"`{name}` {shown(path)} cannot be read ({error.strerror}). Give a file in PEM."
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except InputError as error:
        raise InputError(
            f"`tls_key` {shown(key)} needs a passphrase, which nobody could type at a restart. "
            "Give a key without one, which only you can read."
        ) from error
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InputError(
            f"`tls_cert` {shown(certificate)} and `tls_key` {shown(key)} cannot be used "
            f"({_reason(error)}). Give a certificate in PEM and the key that belongs to it."
        ) from error
    return context


def names_of(context: ssl.SSLContext, certificate: Path) -> frozenset[str]:
    """Return the names and numbers that a certificate is for, in lower case."""
    try:
        found = _handshake(context, certificate)
    except ssl.SSLError as error:
        raise InputError(
            f"`tls_cert` {shown(certificate)} is one that browsers refuse ({_reason(error)}). Have "
            "it made anew."
        ) from error
    names = set()
    for kind, name in found.get("subjectAltName", ()):
        if kind == "DNS":
            names.add(str(name).lower())
        elif kind == "IP Address":
            names.add(str(ipaddress.ip_address(str(name).strip())))
    if not names:
        raise InputError(
            f"`tls_cert` {shown(certificate)} names no host (subjectAltName), so browsers refuse "
            "it. Have it made for the name by which people call this computer."
        )
    return frozenset(names)


def _handshake(server: ssl.SSLContext, certificate: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return what a client is told of the server, which it believes for this once."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is enough
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(10):  # messages go back and forth twice
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0].getpeercert() or {}  # type: ignore[return-value]


def _no_passphrase() -> NoReturn:
    raise InputError("a passphrase")


def _reason(error: Exception) -> str:
    said = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
    return said.replace("_", " ").lower()
