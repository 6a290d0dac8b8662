"""Checks of the addresses of clients and servers."""

import ipaddress


def is_address(host: str) -> bool:
    """Return whether the name of a host is an IP address. Such a host needs no name server."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address belongs to the loopback of this machine."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def network_of(host: str) -> str:
    """Return the network to which an IP address belongs, or "" for another text."""
    host = host.partition("%")[0]  # without the interface
    if not is_address(host):
        return ""
    number = ipaddress.ip_address(host)
    number = getattr(number, "ipv4_mapped", None) or number
    if number.version == 6:
        number = ipaddress.ip_network((number, 64), strict=False).network_address
    return str(number)
