"""The tracepoints of xlnet tell of the handshake's steps and of why an address is on xl0 or is not."""

from lab import families, xlnet
from lab.checks import wait_until

TRACING = "/sys/kernel/tracing"
AVOID = "/sys/module/xlnet/parameters/avoid"
RING = "ethtool -G xl0 tx"


def tells(guest, words):
    wait_until(f"the trace to hold '{words}'", lambda: words in guest.check(f"cat {TRACING}/trace"), 10)


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2, when=lab.thorough):
        xlnet.wait_for_routes(lab)
        trace(lab, g1, g2)


def trace(lab, g1, g2):
    routes = [f"xlnet_route: peer={g2.domid} address={address}" for address in g2.addresses]
    g1.check(f"mount -t tracefs tracefs {TRACING} && echo 1 >{TRACING}/events/xlnet/enable")
    try:
        for address, route in zip(g2.addresses, routes, strict=True):
            g1.check(f"echo {address} >{AVOID}")
            tells(g1, f"{route} xl0=off (nic: the administrator keeps it there (avoid=))")
            g1.check(f"echo >{AVOID}")
            tells(g1, f"{route} xl0=on (xl0)")
        g1.check(f"echo >{TRACING}/trace; {RING} 128")
        for words in (
            f"xlnet_handshake: peer={g2.domid} event=Renew state=Connected",
            f"xlnet_action: peer={g2.domid} action=Release done",
            f"xlnet_action: peer={g2.domid} action=OpenDataPath done",
            "-> Connected",
            *(f"{route} xl0=on (xl0)" for route in routes),
        ):
            tells(g1, words)
    finally:
        g1.run(f"echo >{AVOID}; {RING} 256; echo 0 >{TRACING}/events/xlnet/enable; umount {TRACING}")
        xlnet.wait_for_routes(lab)
