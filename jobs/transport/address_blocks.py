"""Addresses that are not of the public internet: IANA's special-purpose address registries, and multicast.

Sources: iana-ipv4-special-registry and iana-ipv6-special-registry (RFC 6890), RFC 5771 and RFC 4291. Blocks that IANA
marks as globally reachable (AS112, AMT) serve no files either, so all of a registry is listed.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by carriers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, and the metadata of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments: DS-Lite, NAT64 discovery, dummy address
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # relays of 6to4, deprecated
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112, delegated
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and the broadcast address
        ),
    )
)

UNICAST_V6 = IPv6Network("2000::/3")  # all that is allocated to the public internet
SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, AMT, ORCHID, drone IDs
            "2001:db8::/32",  # documentation
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

MAPPED_V4, NAT64, SIX_TO_FOUR = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16")
ISATAP = (0x00005EFE, 0x02005EFE)


def is_public(address: str) -> bool:
    """Whether anyone on the internet may be asked there; `address` in digits, with or without a zone."""
    text = address.partition("%")[0]
    return _is_public_v6(IPv6Address(text)) if ":" in text else _is_public_v4(IPv4Address(text))


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in block for block in SPECIAL_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    """By the IPv4 address inside, where that is where it leads: mapped, NAT64, 6to4 and ISATAP."""
    number = int(address)
    if address in MAPPED_V4 or address in NAT64:
        return _is_public_v4(IPv4Address(number & 0xFFFFFFFF))
    if address in SIX_TO_FOUR and not _is_public_v4(IPv4Address(number >> 80 & 0xFFFFFFFF)):
        return False
    if (number >> 32 & 0xFFFFFFFF) in ISATAP and not _is_public_v4(IPv4Address(number & 0xFFFFFFFF)):
        return False
    return address in UNICAST_V6 and not any(address in block for block in SPECIAL_V6)
