"""Whose address a host is."""

import ipaddress


def is_address(host: str) -> bool:
    """Return whether a host is a number, which no name server turns elsewhere.

    Parameters
    ----------
    host : str

    Returns
    -------
    bool
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine and no other can reach it.

    Parameters
    ----------
    host : str

    Returns
    -------
    bool
    """
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)
