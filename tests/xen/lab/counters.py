"""Packet counters of network devices, before and after, and counters of the kernel."""

import abc
import re


# What is counted by default: packets received and sent.
BOTH = ("rx", "tx")


def start_reading(domain, devices, directions=BOTH):
    """Starts to read the packets so far, of each device in these directions; finish_reading() has them."""
    # Nothing is forked, which would take an emulated guest 0.1 s each time.
    return domain.start(
        f"for device in {' '.join(devices)}; do\n"
        "  sum=0\n"
        f"  for way in {' '.join(directions)}; do\n"
        "    packets=0\n"
        "    { read -r packets </sys/class/net/$device/statistics/${way}_packets; } 2>/dev/null\n"
        "    ((sum += packets))\n"
        "  done\n"
        "  echo $device $sum\n"
        "done"
    )


def finish_reading(command):
    """{device: packets}; a device that is not there has none."""
    lines = (line.split() for line in command.check().splitlines())
    return {device: int(packets) for device, packets in lines}


def read(domain, *devices):
    """{device: packets} so far, both ways; a device that is not there has none."""
    return finish_reading(start_reading(domain, devices))


class Growth(abc.ABC):
    """By how much figures grow inside a `with` block."""

    def __init__(self):
        self._before = {}
        self._grown = {}

    @abc.abstractmethod
    def _figures(self):
        """What they are now, by key; one that is not there is 0."""

    def __enter__(self):
        self._before = self._figures()
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            after = self._figures()
            self._grown = {key: figure - self._before.get(key, 0) for key, figure in after.items()}

    def __getitem__(self, key):
        return self._grown[key]


class Movement(Growth):
    """How many packets each device of the given domains carries inside a `with` block, both ways or one.

    with Movement({g1: ["eth0", "xl0"], lab.dom0: [g1.vif]}) as moved:
        ...
    moved[g1, "xl0"]
    """

    def __init__(self, devices, directions=BOTH):
        super().__init__()
        self._devices = devices
        self._directions = directions

    def _figures(self):
        reading = [
            (domain, start_reading(domain, devices, self._directions))
            for domain, devices in self._devices.items()
        ]
        return {
            (domain, device): packets
            for domain, command in reading
            for device, packets in finish_reading(command).items()
        }

    def __str__(self):
        return ", ".join(
            f"{domain.name} {device}: {packets}" for (domain, device), packets in self._grown.items()
        )


def kernel_counter(domain, name):
    """One of the counters that /proc/net/netstat has under TcpExt."""
    names, values = re.findall(r"^TcpExt: (.*)", domain.read("/proc/net/netstat"), re.MULTILINE)
    return int(dict(zip(names.split(), values.split(), strict=True))[name])


def out_of_order(domain):
    """TCP segments that the domain has received out of order so far."""
    return kernel_counter(domain, "TCPOFOQueue")
