"""xl-status and xl-top have real figures for programs, which no guest can spoil, and no secret in a report."""

import json
import re

from lab import debug, families, traffic, xlnet
from lab.checks import expect, wait_until

# Every 10 s guests say what they exchanged.
ACCOUNTED = 30
# How long xl-status shows page after page, in seconds.
WATCHED = 10 * debug.PACE
# Of node_exporter's format what xl-status uses.
LABEL = r'[a-z_]+="(?:[^"\\]|\\.)*"'
LINE = re.compile(
    r"# (?:HELP xlnet_\w+ \S.*|TYPE xlnet_\w+ (?:gauge|counter))"
    rf"|(xlnet_\w+(?:\{{{LABEL}(?:,{LABEL})*\}})?) (\d+)"
)
METRICS = "/run/xlnet.prom"
REPORT = "/run/report"
TRACING = "/sys/kernel/tracing"
# A key of WireGuard's, a line of the log's, a node, a comment in a rule that has nothing to do with the NIC.
SECRET = "kept-to-itself"


def status(domain, question=""):
    """What xl-status says as JSON, and its exit status."""
    result = domain.run(f"xl-status --json {question}")
    return json.loads(result.out), result.status


def metrics(domain):
    """What Prometheus would read, by name and labels; the file is there as a whole or not at all."""
    domain.check(f"xl-status --prometheus {METRICS}")
    expect(domain.run(f"ls {METRICS}.*").status != 0, f"{domain.name}: something is left beside {METRICS}")
    found = {}
    for line in domain.read(METRICS).splitlines():
        match = LINE.fullmatch(line)
        expect(match, f"{domain.name}: not a line of Prometheus': {line}")
        if match[1]:
            found[match[1]] = int(match[2])
    return found


def guest_for_programs(g1, g2):
    told, exit_status = status(g1)
    expect(exit_status == told["status"] == 0 and not told["problems"], f"g1 has problems: {told}")
    (peer,) = told["peers"]
    expect((peer["domid"], peer["state"]) == (g2.domid, "connected"), f"g1's peer: {peer}")
    wanted = [{"address": address, "path": "xl0", "reason": None} for address in sorted(g2.addresses)]
    expect(sorted(peer["addresses"], key=lambda one: one["address"]) == wanted, f"g2's addresses: {peer}")
    expect(told["device"]["nic"] == "eth0" and told["device"]["up"], f"g1's device: {told['device']}")
    before = xlnet.statistics(g1)
    found = metrics(g1)
    after = xlnet.statistics(g1)
    for name, statistic in (("transmit", "tx"), ("receive", "rx")):
        for what in ("packets", "bytes"):
            figure = found[f'xlnet_peer_{name}_{what}_total{{peer="{g2.domid}"}}']
            statistic_name = f"peer{g2.domid}_{statistic}_{what}"
            expect(before[statistic_name] <= figure <= after[statistic_name], f"{name} {what}: {figure}")
    for address in g2.addresses:
        expect(found[f'xlnet_address_on_xl0{{peer="{g2.domid}",address="{address}"}}'] == 1, f"metrics: {found}")

    g1.check("echo all >/sys/module/xlnet/parameters/avoid")
    try:

        def kept():
            """What the administrator wishes is no problem."""
            told, exit_status = status(g1)
            paths = [address["path"] for peer in told["peers"] for address in peer["addresses"]]
            return paths == ["nic"] * len(g2.addresses) and exit_status == 0

        wait_until("the NIC, by xl-status", kept, 10)
    finally:
        g1.check("echo >/sys/module/xlnet/parameters/avoid")
    xlnet.unload(g1)
    try:
        told, exit_status = status(g1)
        expect(exit_status == 1 and not told["loaded"], f"without the module: {told}")
        expect(metrics(g1)['xlnet_module_loaded{module="xlnet"}'] == 0, "metrics without the module")
    finally:
        xlnet.load(g1)


def dom0_for_programs(dom0, g1, g2):
    """With accounts besides that g1 made up."""
    node = f"/local/domain/{g1.domid}/data/xlnet/traffic"
    made_up = (("0", "1 2 3"), ("77", "1 2 3 4"), ("x", "* * * *"), ("00", '\\"}} \\xff 1 1'))
    for name, value in made_up:
        dom0.check(f"xenstore-write {node}/{name} '{value}'")
    told, exit_status = status(dom0)
    expect(exit_status == told["status"] == 0, f"dom0 has problems: {told}")
    guests = {guest["name"]: guest for guest in told["guests"]}
    for here, there in ((g1, g2), (g2, g1)):
        meets = [(peer["name"], sorted(peer["addresses"])) for peer in guests[here.name]["may_meet"]]
        expect(meets == [(there.name, sorted(there.addresses))], f"{here.name} may meet {meets}")
        expect(guests[here.name]["bridge"] == "xenbr0", f"{here.name}: {guests[here.name]}")
    told, exit_status = status(dom0, "why g1 g2")
    expect(told["may_meet"] and exit_status == 0, f"why: {told}")

    def sent():
        pairs = status(dom0, "traffic")[0]["traffic"]
        return {(pair["from"]["name"], pair["to"]["name"]): pair["sent_bytes"] for pair in pairs}

    wait_until("accounts", lambda: all(sent().get(pair) for pair in (("g1", "g2"), ("g2", "g1"))), ACCOUNTED)
    expect(not {to for _, to in sent()} & {"domain 77", "domain 00"}, f"made up: {sent()}")
    found = metrics(dom0)
    labels = f'from_domid="{g1.domid}",from="g1",to_domid="{g2.domid}",to="g2"'
    expect(found.get(f"xlnet_pair_sent_bytes_total{{{labels}}}"), f"metrics: {found}")
    expect(found["xlnet_status"] == 0 and found["xlnet_guests"] == 2, f"metrics: {found}")
    for name, _ in made_up:
        dom0.check(f"xenstore-rm {node}/{name}")


def figures(page, beginning):
    """The figures in a line of xl-top's: with a letter for thousands."""
    lines = [line for line in page.splitlines() if line.split()[: len(beginning)] == beginning]
    expect(len(lines) == 1, f"not one line of {beginning}:\n{page}")
    unit = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
    found = re.findall(r"(?<= )(\d+(?:\.\d)?)([kMG]?)(?= |$)", lines[0].partition("xl0")[2])
    return [float(number) * unit[letter] for number, letter in found]


def top(lab, g1, g2):
    """Under traffic."""
    with traffic.mixture(g1, g2) as mixture:
        pages = {
            domain: domain.start(f"xl-top -d {seconds} -n 3")
            # dom0 has to have seen two reports.
            for domain, seconds in ((g1, 2), (lab.dom0, 14))
        }
        for domain, command in pages.items():
            page = command.check(timeout=120)
            last = page.rpartition("xl-top:")[2]
            rows = [[str(g2.domid), g2.ip, "xl0"]] if domain is g1 else [["g1", "g2", "xl0"], ["g2", "g1", "xl0"]]
            for row in rows:
                found = figures(last, row)
                expect(found and min(found) > 0, f"{domain.name}: no figures for {row}: {found}\n{page}")
            nic = r"\nall +else +eth0 +\d" if domain is g1 else r"\ng1 +vif\S+ +\d"
            expect(re.search(nic, last), f"{domain.name}: what takes the NIC is missing:\n{page}")
        mixture.finish()
    pages = g1.run(f"timeout {WATCHED} xl-status --watch=1").out.count("Peers:")
    expect(pages >= 2, f"xl-status --watch showed {pages} pages in {WATCHED} s")


def report(lab, g1, g2):
    """With secrets about that are none of its business."""
    nonce = re.search(r"nonce=(\w+)", g1.check(f"xenstore-read xlnet/peer/{g2.domid}"))[1]
    g1.check(f"mkdir -p {TRACING}; mount -t tracefs tracefs {TRACING} && echo 1 >{TRACING}/events/xlnet/enable")
    g1.check("modprobe wireguard && ip link add wg0 type wireguard")
    g1.check("wg genkey >/run/key && wg set wg0 private-key /run/key")
    key = g1.read("/run/key")
    for domain in (g1, lab.dom0):
        domain.check(f"echo 'a program: {SECRET}' >/dev/kmsg && nft add table ip t")
        domain.check(f"nft add chain ip t c && nft 'add rule ip t c counter comment \"{SECRET}\"'")
    lab.dom0.check(f"xenstore-write /local/domain/{g1.domid}/data/password {SECRET}")
    lab.dom0.check(f"xenstore-write /local/domain/{g1.domid}/vnc-passwd {SECRET}")
    try:
        # Something is decided.
        g1.check("echo all >/sys/module/xlnet/parameters/avoid; nap 2; echo >/sys/module/xlnet/parameters/avoid")
        xlnet.wait_for_routes(lab)
        on_xl0 = [f"{address} peer {g2.domid} xl0" for address in g2.addresses]
        of_guest = ("xlnet: ", "xlnet_route: ", *on_xl0, "==== ethtool -S xl0", "nexthop dev xl0")
        of_dom0 = ("xldiscovery", "xl-status traffic", f"/local/domain/{g1.domid}/data/xlnet/mac", "backend/vif/")
        for domain, words in ((g1, of_guest), (lab.dom0, of_dom0)):
            domain.check(f"rm -f {REPORT}; xl-status --report {REPORT}", timeout=120)
            expect(domain.check(f"stat -c %a {REPORT}").strip() == "600", "others may read the report")
            text = domain.read(REPORT)
            for word in words:
                expect(word in text, f"{domain.name}: the report has no '{word}':\n{text}")
            for secret in (SECRET, key, nonce):
                expect(secret not in text, f"{domain.name}: '{secret}' is in the report:\n{text}")
    finally:
        g1.run(f"ip link del wg0; echo 0 >{TRACING}/events/xlnet/enable; umount {TRACING}")
        for domain in (g1, lab.dom0):
            domain.run("nft delete table ip t")
        lab.dom0.run(f"xenstore-rm /local/domain/{g1.domid}/data/password /local/domain/{g1.domid}/vnc-passwd")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    top(lab, g1, g2)
    with families.dressed(g1, g2):
        xlnet.wait_for_routes(lab)
        dom0_for_programs(lab.dom0, g1, g2)
        guest_for_programs(g1, g2)
        xlnet.wait_for_routes(lab)
        report(lab, g1, g2)
