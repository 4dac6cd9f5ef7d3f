"""The families of addresses, by the versions of IP: what is tried with one can be tried with the other."""

import contextlib
import ipaddress

from .errors import LabError
from .topology import OUTSIDE_IP

IPV4, IPV6 = 4, 6
VERSIONS = (IPV4, IPV6)
# What guests have in either, with the last part of their IPv4 address in both.
NETWORKS = {IPV4: "10.0.0.0/24", IPV6: "2001:db8::/64"}


# The host behind the bridge, once it has been given the second one.
OUTSIDE = {IPV4: OUTSIDE_IP, IPV6: "2001:db8::64"}


def ipv6_address(guest):
    """The IPv6 address that a guest is given: its IPv4 address ends with the same number."""
    return "2001:db8::" + guest.settings.ip.rpartition(".")[2]


def version(address):
    """Of IP, that of an address."""
    return IPV6 if ":" in address else IPV4


def host(address):
    """An address as it stands in front of a port."""
    return f"[{address}]" if ":" in address else address


def packed(address):
    """An IPv6 address as on the wire."""
    return ipaddress.IPv6Address(address).packed


def with_icmpv6_checksum(source, destination, message):
    """An ICMPv6 message with its checksum (RFC 4443), between packed addresses."""
    covered = source + destination + len(message).to_bytes(4, "big") + bytes([0, 0, 0, 58]) + message
    total = sum(int.from_bytes(covered[at : at + 2], "big") for at in range(0, len(covered), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return message[:2] + (total ^ 0xFFFF).to_bytes(2, "big") + message[4:]


def shared(here, there):
    """The addresses of `there` that are of a family in which `here` has one, too."""
    versions = {version(address) for address in here.addresses}
    return [address for address in there.addresses if version(address) in versions]


def dress(guest):
    """Gives a guest its IPv6 address besides. The kernel takes it when the NIC goes down, or reboots."""
    guest.ipv6 = ipv6_address(guest)
    guest.check(f"ip address replace {guest.ipv6}/64 dev eth0 nodad")


@contextlib.contextmanager
def dressed(*guests, when=True):
    """The guests have IPv6 addresses besides, in the `with` block. Whatever runs or waits for routes between two of
    them does so in both families then. A case that is to be short may say when: `lab.thorough`."""
    guests = guests if when else ()
    for guest in guests:
        dress(guest)
    try:
        yield
    finally:
        for guest in guests:
            guest.ipv6 = None
            # A case may have taken it, or the whole guest.
            if not guest.gone:
                with contextlib.suppress(LabError):
                    guest.run(f"ip address del {ipv6_address(guest)}/64 dev eth0")


@contextlib.contextmanager
def speaking(version, *guests):
    """In the `with` block `guest.ip` is each guest's address of that version of IP."""
    if version == IPV4:
        yield
        return
    with dressed(*guests):
        for guest in guests:
            guest.ip = ipv6_address(guest)
        try:
            yield
        finally:
            for guest in guests:
                guest.ip = guest.settings.ip
