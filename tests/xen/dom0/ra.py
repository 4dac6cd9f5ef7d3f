#!/usr/bin/python3
"""ra.py DEVICE PREFIX VALID PREFERRED: tells the device's link of a /64 for addresses, as a router would that is no
default router (RFC 4861), with these lifetimes in seconds."""

import ipaddress
import socket
import struct
import sys

ROUTER_ADVERTISEMENT, PREFIX_INFORMATION, ON_LINK_AND_AUTONOMOUS = 134, 3, 0xC0
ICMPV6 = socket.IPPROTO_ICMPV6
ALL_NODES = "ff02::1"


def main(device, prefix, valid, preferred):
    # Hop limit and flags unspecified, not a default router, no timers.
    message = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0)
    message += struct.pack("!BBBBIII", PREFIX_INFORMATION, 4, 64, ON_LINK_AND_AUTONOMOUS, int(valid), int(preferred), 0)
    message += ipaddress.IPv6Address(prefix).packed
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, ICMPV6) as raw:
        # From the same link, or nobody believes it.
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        raw.sendto(message, (ALL_NODES, 0, 0, socket.if_nametoindex(device)))


main(*sys.argv[1:])
