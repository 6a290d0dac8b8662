"""What every server of somscape has: an address, patience with slow requests, and guards."""

from somscape.web._addresses import is_address, is_loopback
from somscape.web._guards import Hosts, are_same, limited
from somscape.web._serving import check_libraries, listening, server_of

__all__ = [
    "Hosts",
    "are_same",
    "check_libraries",
    "is_address",
    "is_loopback",
    "limited",
    "listening",
    "server_of",
]
