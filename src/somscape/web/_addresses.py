"""Whose address a host is."""

import ipaddress


def is_address(host: str) -> bool:
    """Return whether a host is a number, which no name server turns elsewhere."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine and no other can reach it."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def network_of(host: str) -> str:
    """Return what an address counts as, if somebody may have many of them."""
    host = host.partition("%")[0]  # the interface
    if not is_address(host):
        return ""
    number = ipaddress.ip_address(host)
    number = getattr(number, "ipv4_mapped", None) or number
    if number.version == 6:
        number = ipaddress.ip_network((number, 64), strict=False).network_address
    return str(number)
