"""Of 25 guests on one bridge those who talk have channels, and nobody else; the 24 others cost an idle one little."""

import contextlib
import itertools
import math

from lab import debug, payload, topology, xlnet
from lab.checks import expect, wait_until
from lab.lab import Lab
from lab.needs import Needs

NAME = "many_guests"
NEEDS = Needs(guests=(), loaded=None)
GUESTS = debug.fewer(tuple(topology.Settings(f"n{n}", f"10.0.0.{20 + n}", memory=224) for n in range(1, 26)), 7)
# In MiB, of the machine.
MEMORY = 8192 + len(GUESTS) * debug.MEMORY
IDLE = 60
# All to all on two emulated CPUs.
TALK = 600 * debug.PACE
# What an idle guest may need more with xlnet and its neighbours than without, in KiB; debug kernels keep records.
IDLE_MEMORY = 1024 if not debug.ON else math.inf
# Once more where all wait for their CPU for so long that nobody answers who asks for a MAC.
PING = "ping -q -c 2 -i 0.2 -W 10 $address >/dev/null"
ALL = f"for address in {{addresses}}; do {PING} || {PING} || echo lost $address; done"


def kernel_memory(guest):
    """What slab, vmalloc and per-CPU memory take, in KiB."""
    guest.check("cd /proc/sys/vm; sync; echo 3 >drop_caches; nap 1")
    sum_up = "awk '/^(Slab|VmallocUsed|Percpu):/ {sum += $2} END {print sum}' /proc/meminfo"
    return int(guest.check(sum_up))


def expect_channels(guests, pairs):
    """Exactly the pairs have channels."""
    for guest in guests:
        partners = {other.domid for pair in pairs if guest in pair for other in pair if other is not guest}
        wait_until(
            f"{guest.name} to have {len(partners)} channels",
            lambda g=guest, p=partners: xlnet.channels(g) == p,
            IDLE + xlnet.PATIENCE,
        )


def talk_all_to_all(guests):
    commands = []
    for guest in guests:
        addresses = " ".join(other.ip for other in guests if other is not guest)
        commands.append(guest.start(ALL.format(addresses=addresses)))
    for guest, command in zip(guests, commands, strict=True):
        lost = command.check(timeout=TALK)
        expect(not lost, f"{guest.name}: {lost}")


def run(lab):
    machine = Lab(payload.OUT / NAME / "machine", memory=MEMORY)
    try:
        machine.boot()
        machine.begin(NAME, machine.out)
        machine.create_all(GUESTS)
        guests = [machine.guest(one.name) for one in GUESTS]
        xlnet.load(machine.dom0)
        first, *others = guests
        for guest in others:
            xlnet.load(guest, f"idle_close={IDLE}")
        # It knows them all before.
        talk_all_to_all(guests)
        without = kernel_memory(first)
        xlnet.load(first, f"idle_close={IDLE}")
        expect_channels(guests, [])
        needed = kernel_memory(first) - without
        machine.dom0.note(f"an idle guest with xlnet and {len(others)} neighbours needs {needed} KiB more")

        talk_all_to_all(guests)
        count = {guest.name: len(xlnet.channels(guest)) for guest in guests}
        machine.dom0.note(f"channels after all talked to all: {count}")
        expect_channels(guests, [])
        pairs = [*itertools.batched(guests[:6], 2)]
        with contextlib.ExitStack() as talk:
            for one, other in pairs:
                talk.enter_context(xlnet.talking(one, other))
            expect_channels(guests, pairs)
        expect(needed <= IDLE_MEMORY, f"an idle guest needs {needed} KiB more, not {IDLE_MEMORY} at most")
        findings = machine.end(machine.out)
        expect(not findings, "\n".join(findings))
    finally:
        machine.stop()
