"""The tools that measure, run in guests, and what they print."""

import re

from . import families
from .errors import CaseFailure


def netperf(guest, address, test, seconds, options="", cpu=None):
    """The figure of one netperf test: transactions a second or Mb/s; of datagrams, those received."""
    return netperf_figure(start_netperf(guest, address, test, seconds, options, cpu).check(seconds + 60))


def start_netperf(guest, address, test, seconds, options="", cpu=None):
    """Starts one netperf test, of so many seconds; a negative number is of transactions, or of bytes. With `cpu` both
    ends run on that CPU of their guest's alone."""
    where = "" if cpu is None else f"-T {cpu},{cpu} "
    if test.startswith("UDP_STREAM"):
        # netperf asks for a word before it sends datagrams into a routed network.
        options += " -R 1"
    return guest.start(
        f"exec netperf -{families.version(address)} -P 0 {where}-H {address} -t {test} -l {seconds} -- {options}"
    )


def netperf_figure(output):
    """The last figure of the last line that holds figures; a stream of datagrams has two, sent and
    received."""
    lines = [line.split() for line in output.splitlines()]
    figures = [line for line in lines if len(line) >= 4 and all(map(_is_number, line))]
    if not figures:
        raise CaseFailure(f"netperf measured nothing:\n{output}")
    return float(figures[-1][-1])


def _is_number(word):
    return re.fullmatch(r"-?[\d.]+", word) is not None


def flood_ping(guest, address, seconds, cpu=None):
    """The mean round trip in microseconds; ping sends as soon as an answer is there, on that CPU alone if one is
    given."""
    # By its name alone BusyBox's taskset would run a ping of its own.
    program = "ping" if cpu is None else f'taskset {1 << cpu:x} "$(type -P ping)"'
    return ping_mean(guest.check(f"{program} -q -f -w {seconds} {address}", timeout=seconds + 30))


def paced_ping(guest, address, seconds, interval):
    """The mean round trip in microseconds of pings in that interval, in seconds."""
    return ping_mean(guest.check(f"ping -q -i {interval} -w {seconds} {address}", timeout=seconds + 30))


def ping_mean(output):
    match = re.search(r"= [\d.]+/([\d.]+)/", output)
    if match is None:
        raise CaseFailure(f"ping measured nothing:\n{output}")
    return float(match[1]) * 1000
