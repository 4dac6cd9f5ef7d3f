"""A domain that is not there: files of the kernel's and programs that print what was recorded; the tools run in it."""

import pathlib
import shlex
import subprocess
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = TREE / "iproute-scripts"

TOOLS = ("xl-status", "xl-top", "xl-bench")

PROGRAM = """\
#!/bin/bash
# Prints the file that is called as it was called, once more each time if there are such with a number.
name=${0##*/}.$(printf '%s' "$*" | tr ' /' '__')
turn=$(cat "${0%/*}/turn-$name" 2>/dev/null || echo 0)
echo $((turn + 1)) >"${0%/*}/turn-$name"
if [ -e "${0%/*}/../said/$name.$turn" ]; then name=$name.$turn; fi
exec cat "${0%/*}/../said/$name" 2>/dev/null
"""


class World:
    """Use it as a context. `files` are those below / that the kernel has, `said` what programs print, by their command
    line."""

    PROGRAMS = (
        "ip ethtool xenstore-read xenstore-ls nft iptables-save ip6tables-save tc bridge dmesg dpkg-query netperf ping"
        " xl-policy"
    ).split()

    def __init__(self, files, said):
        self._files, self._said = files, said

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._directory.name)
        for name, text in self._files.items():
            self.write(self.path / name, text)
        for command, text in self._said.items():
            name, _, rest = command.partition(" ")
            self.write(self.path / "said" / f"{name}.{rest.replace(' ', '_').replace('/', '_')}", text)
        for name in ("bin", "said"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        for name in self.PROGRAMS:
            program = self.path / "bin" / name
            program.write_text(PROGRAM)
            program.chmod(0o755)
        for source in (*map(SCRIPTS.joinpath, TOOLS), *SCRIPTS.joinpath("libexec").iterdir()):
            copy = self.path / ("sbin" if source.name in TOOLS else "libexec/xlnet") / source.name
            # What the kernel has is here.
            text = source.read_text().replace("/sys/", f"{self.path}/sys/").replace("/proc/", f"{self.path}/proc/")
            self.write(copy, text)
            copy.chmod(0o755)
        return self

    def __exit__(self, *_):
        self._directory.cleanup()

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def run(self, command):
        """Runs a command of a shell's; returns its status, what it printed, and what it said besides."""
        here = shlex.quote(str(self.path))
        script = f"cd {here}; export PATH={here}/sbin:{here}/bin:$PATH; {command}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60)
        return done.returncode, *(text.decode(errors="replace") for text in (done.stdout, done.stderr))
