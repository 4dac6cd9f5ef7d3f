"""Xen's own view: its log, its version, its lists of grants and event channels."""

import collections
import re

# `uses` is how often the grant is mapped, a byte each for writing and reading, by the CPU and by a
# device; `flags` is what the owner wrote in its grant table.
Grant = collections.namedtuple("Grant", "owner user reference uses flags")
EventChannel = collections.namedtuple("EventChannel", "domain port state remote remote_port")

# GTF_type_mask, GTF_permit_access and GTF_readonly of public/grant_table.h; GNTPIN_hstw_mask and
# GNTPIN_devw_mask of Xen's grant_table.c.
_TYPE, _PERMIT_ACCESS, _READ_ONLY = 0x3, 0x1, 0x4
_WRITERS = 0x00FF00FF

_STATES = {0: "free", 1: "reserved", 2: "unbound", 3: "interdomain", 4: "pirq", 5: "virq", 6: "ipi"}

# Once in a boot Xen says this, perhaps in the middle of a line of a report.
_INTERRUPTION = re.compile(r"\(XEN\) uart interrupt taking more than [^\n]*\n")


class Log:
    """`xl dmesg`, read piece by piece so that a long run does not overwrite what was not read."""

    def __init__(self, dom0):
        self._dom0 = dom0
        self._text = ""
        self._mark = 0

    def fetch(self):
        self._text += self._dom0.check("xl dmesg -c")

    def pass_over_boot(self):
        """Leaves out what Xen says while it boots, which is about the emulated machine."""
        self._dom0.check("xl dmesg -c")

    def mark(self):
        self._mark = len(self._text)

    def since_mark(self):
        return self._text[self._mark :]

    def count(self, text):
        """How often the text was said since the mark."""
        self.fetch()
        return self.since_mark().count(text)

    def debug_key(self, key):
        """What a debug key prints; it is a report, not a message, and stays out of the log."""
        self.fetch()
        report = self._dom0.check(f"xl debug-keys {key} && xl dmesg -c")
        return _INTERRUPTION.sub("", report)


def version(lab):
    return lab.dom0.check("xl info xen_version").strip()


def grants(lab):
    """The grants in use: those that some domain has mapped (debug key g)."""
    found = []
    owner = None
    for line in lab.xen_log.debug_key("g").splitlines():
        if match := re.search(r"grant-table for remote d(\d+)", line):
            owner = int(match[1])
        elif match := re.search(
            r"\[0x([0-9a-f]+)\]\s+(\d+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+\d+\s+0x[0-9a-f]+\s+0x([0-9a-f]+)",
            line,
        ):
            reference, user, uses, flags = match.groups()
            found.append(
                Grant(owner, int(user), int(reference, 16), int(uses, 16), int(flags, 16)),
            )
    return found


def is_read_only(grant):
    """Whether the owner granted only reading, and nobody maps the page otherwise."""
    readable = grant.flags & (_TYPE | _READ_ONLY) == _PERMIT_ACCESS | _READ_ONLY
    return readable and not grant.uses & _WRITERS


def event_channels(lab):
    """All event channels (debug key e)."""
    found = []
    domain = None
    for line in lab.xen_log.debug_key("e").splitlines():
        if match := re.search(r"Event channel information for domain (\d+)", line):
            domain = int(match[1])
        elif match := re.search(r"\s(\d+) \[.*\]: s=(\d) n=\d+ x=\d+(?: d=(\d+))?(?: p=(\d+))?", line):
            port, state, remote, remote_port = match.groups()
            found.append(
                EventChannel(
                    domain,
                    int(port),
                    _STATES.get(int(state), state),
                    int(remote) if remote else None,
                    int(remote_port) if remote_port else None,
                )
            )
    return found


def ports(lab):
    """How many event channels each domain has in use, by domid."""
    return collections.Counter(channel.domain for channel in event_channels(lab))


def among(lab, guests):
    """Grants and event channels that join two of the guests."""
    domids = {guest.domid for guest in guests}

    def joins(one, other):
        return one != other and {one, other} <= domids

    return [
        *(grant for grant in grants(lab) if joins(grant.owner, grant.user)),
        *(channel for channel in event_channels(lab) if joins(channel.domain, channel.remote)),
    ]


def between(lab, first, second):
    """Those that join two guests, in either direction."""
    return among(lab, (first, second))
