"""What a run brings into the lab: modules under test, scripts, agents, test programs.

It travels as a tar archive on dom0's second disk and is unpacked over dom0's root; the part for
guests in it is an initramfs that is laid over their base root.
"""

import io
import os
import pathlib
import stat
import subprocess
import tarfile
import tempfile

from . import debug, kernels

TREE = pathlib.Path(__file__).resolve().parents[3]
# Where logs and results go.
OUT = TREE / "out" / ("debug-kernel" if debug.ON else "") / kernels.DIRECTORY
# Where the modules were built.
BUILT = OUT / "modules" if kernels.NAME else TREE
# Another build of xlnet.ko that the benchmark is to compare with; it is there if somebody put it there.
BEFORE = OUT / "before.ko"
# The modules of an earlier version, likewise.
PREVIOUS = TREE / "out" / "previous"
# The directory of the built programs is outside the tree.
_programs = pathlib.Path(os.environ.get("LAB_PROGRAMS", "."))

# Path in the domain: path in the tree.
COMMON = {
    "lab/functions": "tests/xen/functions",
    "lab/scheduler": "tests/xen/scheduler",
    "usr/local/bin/traffic": _programs / "traffic",
    "usr/local/sbin/xl-status": "iproute-scripts/xl-status",
    "usr/local/sbin/xl-top": "iproute-scripts/xl-top",
    "usr/local/sbin/xl-bench": "iproute-scripts/xl-bench",
    "usr/local/sbin/xl-policy": "iproute-scripts/xl-policy",
    **{
        f"usr/local/libexec/xlnet/{name}.bash": f"iproute-scripts/libexec/{name}.bash"
        for name in ("common", "guest", "dom0", "json", "prometheus", "report", "screen")
    },
    "etc/iproute2/rt_protos.d/xlnet.conf": "iproute-scripts/rt_protos.d/xlnet.conf",
    "etc/iproute2/rt_tables.d/xlnet.conf": "iproute-scripts/rt_tables.d/xlnet.conf",
}
DOM0 = {
    "lab/start": "tests/xen/dom0/start",
    "lab/prepare": "tests/xen/dom0/prepare",
    "lab/agent.py": "tests/xen/dom0/agent.py",
    "lab/terminal": "tests/xen/dom0/terminal",
    "lab/cpu-times.py": "tests/xen/dom0/cpu-times.py",
    "lab/vif": "tests/xen/dom0/vif",
    "lab/bpf.py": "tests/xen/dom0/bpf.py",
    "lab/ra.py": "tests/xen/dom0/ra.py",
    "lab/disk": "tests/xen/dom0/disk",
    "etc/systemd/system/lab-agent.service": "tests/xen/dom0/lab-agent.service",
}
GUEST = {
    "init": "tests/xen/guest/init",
    "lab/agent": _programs / "agent",
    "lab/modules/before.ko": BEFORE,
    "lab/console": "tests/xen/guest/console",
    "lab/without-xen": "tests/xen/guest/without-xen",
    "lab/inittab.agent": "tests/xen/guest/inittab.agent",
    "lab/inittab.shell": "tests/xen/guest/inittab.shell",
    "etc/profile": "tests/xen/guest/profile",
}
# In guests that have Debian's disk, also what a package of xlnet would install.
DEBIAN = {
    "lab/first": "tests/xen/debian/first-init",
    "lab/agent": _programs / "agent",
    "lab/agent-start": "tests/xen/debian/agent-start",
    "lab/console": "tests/xen/guest/console",
    "etc/systemd/system/lab-agent.service": "tests/xen/debian/lab-agent.service",
    "etc/systemd/network/00-xl0.network": "iproute-scripts/network/00-xl0.network",
}


# In dom0 and guests with Debian's disk: xlnet's packages, in a directory each for two versions.
PACKAGES = "lab/packages"
VERSIONS = ("now", "next")


def _packages():
    """Those that this run has."""
    directory = os.environ.get("LAB_PACKAGES")
    if not directory:
        return {}
    return {
        f"{PACKAGES}/{version}/{path.name}": path
        for version in VERSIONS
        for path in pathlib.Path(directory, version).iterdir()
        if path.name == "Packages" or path.suffix == ".deb"
    }


# All are everywhere, as a case may load the wrong one.
MODULES = ("xlnet.ko", "xldiscovery.ko", "xlhostile.ko", "xlfaults.ko")


def _modules(directory):
    return {
        **{f"lab/modules/{name}": directory / name for name in MODULES},
        **{f"lab/modules/previous/{name}": PREVIOUS / name for name in MODULES},
    }


def _contents(*tables):
    """Triples of path, mode and contents; what is not built (yet) is left out."""
    for table in tables:
        for path, source in table.items():
            source = TREE / source
            if source.is_file():
                yield path, source.stat().st_mode, _bytes(source)


def _bytes(path):
    """A file's contents; of a module without its debug information, which is most of it and would
    lie in every guest's memory."""
    if path.suffix != ".ko":
        return path.read_bytes()
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "--strip-debug", "-o", stripped.name, path], check=True)
        return pathlib.Path(stripped.name).read_bytes()


def _cpio_entry(name, mode, data=b""):
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)


def _cpio(files):
    archive = b""
    directories = set()
    for path, mode, data in files:
        for parent in reversed(pathlib.PurePath(path).parents[:-1]):
            if parent not in directories:
                directories.add(parent)
                archive += _cpio_entry(str(parent), stat.S_IFDIR | 0o755)
        archive += _cpio_entry(path, mode, data)
    return archive + _cpio_entry("TRAILER!!!", 0)


def _add(archive, path, mode, data):
    entry = tarfile.TarInfo(path)
    entry.mode = mode & 0o777
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def guest_overlay():
    """The initramfs that is laid over the guests' base root."""
    return _cpio(_contents(COMMON, GUEST, _modules(BUILT)))


def _debug_overlay(type):
    """The same for guests of this type that run a debug kernel."""
    return _cpio(_contents(COMMON, GUEST, _modules(TREE / "out" / "debug" / type), debug.lists(type)))


def write(path, extra=(), debian=False):
    """Writes the archive; `extra` are more (path, mode, contents) for dom0; `debian` says whether there will be guests
    with Debian's disk."""
    with tarfile.open(path, "w") as archive:
        for entry in (*_contents(COMMON, DOM0, _packages(), _modules(BUILT)), *extra):
            _add(archive, *entry)
        _add(archive, "lab/guest.cpio", 0o644, guest_overlay())
        if debian:
            _add(archive, "lab/debian.cpio", 0o644, _cpio(_contents(COMMON, DEBIAN, _packages(), _modules(BUILT))))
        for type in debug.TYPES:
            suffix = debug.suffix(type)
            _add(archive, f"boot/guest-kernel{suffix}", 0o644, debug.kernel(type).read_bytes())
            _add(archive, f"lab/guest{suffix}.cpio", 0o644, _debug_overlay(type))
