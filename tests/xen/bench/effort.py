"""How much is measured: a full run, or a quick one."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Effort:
    """`seconds` is for a single figure, `sweep_seconds` for one point of a curve."""

    quick: bool
    rounds: int
    seconds: int
    sweep_seconds: int
    message_sizes: tuple
    ring_pages: tuple


# The largest datagram that IPv4 carries.
UDP_MAX = 65507

FULL = Effort(
    quick=False,
    rounds=5,
    seconds=3,
    sweep_seconds=1,
    message_sizes=(64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536),
    ring_pages=(32, 64, 128, 256, 512),
)
QUICK = Effort(
    quick=True,
    rounds=3,
    seconds=2,
    sweep_seconds=1,
    message_sizes=(64, 1024, 16384, 65536),
    ring_pages=(32, 512),
)
