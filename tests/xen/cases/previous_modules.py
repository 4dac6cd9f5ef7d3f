"""Guests with an earlier version's modules meet those of the same protocol, others by the NIC; so with dom0's."""

import itertools

from lab import traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3", "c1"), loaded=False, previous=True)
COUNT = 20
LATE = 30


def load_previous(domain):
    domain.insmod(f"previous/{xlnet.module_of(domain)}")


def version(lab, guest):
    """The version of the protocol that the guest speaks."""
    node = f"xenstore-read /local/domain/{guest.domid}/data/xlnet/version"
    wait_until(f"{guest.name} to advertise itself", lambda: lab.dom0.run(node).status == 0, LATE)
    return int(lab.dom0.check(node))


def wait_on_xl0(here, there):
    """The guests may run what knows nothing of this version's tools: the kernel is asked."""
    with xlnet.talking(here, there):
        on_xl0 = lambda: xlnet.device_to(here, there.ip) == "xl0"
        wait_until(f"{here.name} to have a route on xl0 to {there.name}", on_xl0, LATE)


def expect_on_nic(here, there):
    """What one sends to the other takes the NIC, now or in a moment."""
    on_nic = lambda: xlnet.device_to(here, there.ip) == "eth0"
    wait_until(f"{here.name} to have no route on xl0 to {there.name}", on_nic, LATE)
    with Movement({here: ["eth0", "xl0"]}) as moved:
        here.check(f"ping -q -c {COUNT} -i 0.05 -W 5 {there.ip}")
    expect(moved[here, "eth0"] >= 2 * COUNT > moved[here, "xl0"], f"{here.name} to {there.name}: {moved}")


def expect_by_version(lab, guests, spoken):
    """Those meet that speak the same version, which dom0 has to speak, too: it does all up to `spoken`."""
    versions = {guest: version(lab, guest) for guest in guests}
    said = ", ".join(f"{guest.name} {number}" for guest, number in versions.items())
    lab.dom0.note(f"dom0 speaks versions up to {spoken}, guests {said}")
    together, apart = [], []
    for pair in itertools.permutations(guests, 2):
        one, other = (versions[guest] for guest in pair)
        (together if one == other <= spoken else apart).append(pair)
    for pair in together:
        wait_on_xl0(*pair)
    for pair in apart:
        expect_on_nic(*pair)
    for here, there in together:
        if here.domid < there.domid:
            traffic.meet(here, there)


def run(lab):
    dom0, guests = lab.dom0, [lab.guest(name) for name in NEEDS.guests]
    g1, g2, g3, c1 = guests
    xlnet.load(dom0)
    for guest in (g1, g2):
        xlnet.load(guest)
    for guest in (g3, c1):
        load_previous(guest)
    now, before = version(lab, g1), version(lab, g3)
    expect_by_version(lab, guests, now)

    # dom0 is rolled back, and forth.
    xlnet.unload(dom0)
    load_previous(dom0)
    expect_by_version(lab, guests, before)
    xlnet.unload(dom0)
    xlnet.load(dom0)
    expect_by_version(lab, guests, now)

    # One guest of each is another one's.
    for guest in (g2, c1):
        xlnet.unload(guest)
    load_previous(g2)
    xlnet.load(c1)
    expect_by_version(lab, guests, now)
    xlnet.unload_all(lab)
