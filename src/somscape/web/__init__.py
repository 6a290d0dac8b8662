"""What every server of somscape has: an address, TLS, patience with slow requests, and guards."""

from somscape.web._addresses import is_address, is_loopback
from somscape.web._guards import are_same, limited
from somscape.web._lingering import Lingering
from somscape.web._origins import PORTS, Origins
from somscape.web._serving import check_libraries, listening, server_of
from somscape.web._tls import names_of, server_context

__all__ = [
    "PORTS",
    "Lingering",
    "Origins",
    "are_same",
    "check_libraries",
    "is_address",
    "is_loopback",
    "limited",
    "listening",
    "names_of",
    "server_context",
    "server_of",
]
