"""The lab's agent in dom0: runs commands there and relays lines to and from the guests' consoles.

It speaks JSON, one object a line, over a virtio serial port. From the driver:
  {"run": ID, "command": TEXT}   {"kill": ID}   {"to": NAME, "line": TEXT}
  {"attach": NAME, "domid": N, "fresh": BOOL}
To the driver:
  {"ready": true}   {"done": ID, "status": N, "output": BASE64}   {"from": NAME, "line": TEXT}
  {"lost": NAME, "domid": N, "reason": TEXT}
A guest that was saved or migrated is attached again, under its new domid.
"""

import base64
import glob
import json
import os
import signal
import subprocess
import threading
import time
import tty

PORT_NAME = "lab.agent"
SHELL_FUNCTIONS = "/lab/functions"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A domain that reboots has its name long before it has its console.
CONSOLE_WAIT = 30.0


def find_port():
    """The device node of the port; there is no udev to make a link with its name."""
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(path) as name:
            if name.read().strip() == PORT_NAME:
                return "/dev/" + path.split("/")[-2]
    raise SystemExit(f"no virtio port {PORT_NAME}")


def xenstore_read(path):
    done = subprocess.run(["xenstore-read", path], capture_output=True, text=True)
    return done.stdout.strip()


class Agent:
    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.running = {}
        self.consoles = {}
        # What came of a line whose end has not: it may come on another domain's console, when the
        # guest has been saved and restored in between.
        self.unfinished = {}

    def send(self, **message):
        with self.lock:
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[os.write(self.port, data) :]

    def run(self, ident, command):
        process = subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.running[ident] = process
        output = process.communicate()[0]
        del self.running[ident]
        self.send(done=ident, status=process.returncode, output=base64.b64encode(output).decode())

    def kill(self, ident):
        process = self.running.get(ident)
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)

    def attach(self, name, domid, fresh):
        """Opens a guest's console and relays the agent's lines from it until it closes. A guest that
        is not fresh goes on where it was on its last console."""
        deadline = time.monotonic() + CONSOLE_WAIT
        while not (path := xenstore_read(f"/local/domain/{domid}/console/tty")):
            if time.monotonic() > deadline:
                self.send(lost=name, domid=domid, reason="no console in XenStore")
                return
            time.sleep(0.05)
        console = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(console)
        self.consoles[name] = console
        if fresh:
            self.unfinished[name] = b""
        else:
            # There is nothing of a guest that comes from another host.
            self.unfinished.setdefault(name, b"")
            # Its agent said so on its first console.
            self.send(**{"from": name, "line": "@ready"})
        try:
            while chunk := os.read(console, 65536):
                *lines, self.unfinished[name] = (self.unfinished[name] + chunk).split(b"\n")
                for line in lines:
                    # Whatever else a console shows is in xenconsoled's log.
                    if line.startswith(b"@"):
                        self.send(**{"from": name, "line": line.decode(errors="replace").strip()})
        except OSError as error:
            self.send(lost=name, domid=domid, reason=str(error))
        finally:
            if self.consoles.get(name) == console:
                del self.consoles[name]
            os.close(console)

    def relay(self, name, line):
        data = line.encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.consoles[name], data) :]
        except (OSError, KeyError) as error:
            self.send(lost=name, domid=None, reason=repr(error))

    def dispatch(self, message):
        if "run" in message:
            in_background(self.run, message["run"], message["command"])
        elif "kill" in message:
            self.kill(message["kill"])
        elif "attach" in message:
            in_background(self.attach, message["attach"], message["domid"], message["fresh"])
        elif "to" in message:
            self.relay(message["to"], message["line"])


def in_background(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def main():
    os.environ["PATH"] = PATH
    os.environ["BASH_ENV"] = SHELL_FUNCTIONS
    port = os.open(find_port(), os.O_RDWR)
    agent = Agent(port)
    agent.send(ready=True)
    pending = b""
    while True:
        chunk = os.read(port, 65536)
        if not chunk:
            time.sleep(0.1)  # nobody at the other end
            continue
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            agent.dispatch(json.loads(line))


if __name__ == "__main__":
    main()
