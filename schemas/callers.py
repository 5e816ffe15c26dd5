"""Whose an address is: what every limit that is kept for each address counts."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

WHOSE: Final = (2**64 - 1) << 64
"""The bits of an IPv6 address that say whose it is."""


def counted(address: str) -> str:
    """Give what limits of an address count: a whole IPv4 address; of IPv6 the /64, which one customer has to himself.

    A mapped IPv4 address (`::ffff:192.0.2.1`) is that one. A port that a proxy wrote behind the address does not count.
    """
    bare = address[1:].partition("]")[0] if address.startswith("[") else address
    try:
        found = ip_address(bare.partition(":")[0] if bare.count(":") == 1 else bare.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Address(int(found) & WHOSE))
