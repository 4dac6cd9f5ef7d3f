"""On a machine without Xen neither module loads, and the kernel log says why."""

from lab import bare, scan
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=(), loaded=None)


def run(lab):
    console = bare.console_of_boot()
    lab.dom0.note("the console of a boot without Xen", console)
    for module in ("xlnet", "xldiscovery"):
        expect(f"insmod {module}: " in console, f"no attempt to load {module}:\n{console}")
        expect(f"insmod {module}: 0" not in console, f"{module} loaded without Xen:\n{console}")
        reasons = [line for line in console.splitlines() if f"{module}: " in line and "Xen" in line]
        expect(reasons, f"{module} does not say that there is no Xen:\n{console}")
    found = scan.findings("without Xen", console)
    expect(not found, "\n".join(found))
