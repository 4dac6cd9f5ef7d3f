"""Packet counters of network devices, before and after, and counters of the kernel."""

import re


def read(domain, *devices):
    """Packets received and sent so far: {device: packets}; a device that is not there has none."""
    script = "; ".join(
        f"echo {device} $(cat /sys/class/net/{device}/statistics/[rt]x_packets 2>/dev/null || echo 0)"
        for device in devices
    )
    found = {}
    for line in domain.check(script).splitlines():
        device, *numbers = line.split()
        found[device] = sum(int(number) for number in numbers)
    return found


class Movement:
    """How many packets each device of the given domains carries inside a `with` block.

    with Movement({g1: ["eth0", "xl0"], lab.dom0: [g1.vif]}) as moved:
        ...
    moved[g1, "xl0"]
    """

    def __init__(self, devices):
        self._devices = devices
        self._before = {}
        self._moved = {}

    def _snapshot(self):
        return {
            (domain, device): packets
            for domain, devices in self._devices.items()
            for device, packets in read(domain, *devices).items()
        }

    def __enter__(self):
        self._before = self._snapshot()
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            after = self._snapshot()
            self._moved = {key: after[key] - self._before[key] for key in after}

    def __getitem__(self, key):
        return self._moved[key]

    def __str__(self):
        return ", ".join(
            f"{domain.name} {device}: {packets}" for (domain, device), packets in self._moved.items()
        )


def kernel_counter(domain, name):
    """One of the counters that /proc/net/netstat has under TcpExt."""
    names, values = re.findall(r"^TcpExt: (.*)", domain.read("/proc/net/netstat"), re.MULTILINE)
    return int(dict(zip(names.split(), values.split(), strict=True))[name])


def out_of_order(domain):
    """TCP segments that the domain has received out of order so far."""
    return kernel_counter(domain, "TCPOFOQueue")
