"""What every server of somscape has: an address, TLS, a limit of connections, and guards."""

from somscape.web._addresses import is_address, is_loopback, network_of
from somscape.web._guards import are_same, limited
from somscape.web._lingering import Lingering
from somscape.web._origins import PORTS, Origins
from somscape.web._serving import answer_requests, check_libraries, listening
from somscape.web._tls import names_of, server_context

__all__ = [
    "PORTS",
    "Lingering",
    "Origins",
    "answer_requests",
    "are_same",
    "check_libraries",
    "is_address",
    "is_loopback",
    "limited",
    "listening",
    "names_of",
    "network_of",
    "server_context",
]
