"""One lab host whose runs are guarded: sends the guard's scripts and reads their answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Settled, Snapshot, Undone
from hardencheck.remediate import guard
from tests.lab.lab import Host, Lab

#: What a run and its undo may not leave any trace in: kind, mode, owners, time, target, and content by its digest.
LIST = r"""cd / && for top in @; do
  find "$top" -xdev -mindepth 1 \( -type d -printf '%p %y %m %U:%G\n' -o -printf '%p %y %m %U:%G %T@ %l\n' \)
  find "$top" -xdev -type f -exec sha256sum {} +
done 2>/dev/null | sort"""

#: Sends what is on standard input through hardencheck's own transport, as root by sudo.
OVER_SSH = """
import sys
from hardencheck.model.capture import Limits
from hardencheck.model.host import Become, Host
from hardencheck.transport.ssh import SshTransport
address, key, known = sys.argv[1:]
host = Host("lab", address, user="svc_hc", key_file=key, known_hosts=(known,), become=Become())
transport = SshTransport()
exchange = transport.run(host, sys.stdin.buffer.read(), Limits())
transport.close()
sys.stdout.buffer.write(exchange.stdout)
"""


@dataclass
class Guarded:
    """Runs on one host; `shell` reads the scripts, `over_ssh` has them go the way that hardencheck itself goes."""

    lab: Lab
    host: Host
    touches: Touches = field(default_factory=Touches)
    shell: tuple[str, ...] = ("sh", "-s")
    over_ssh: bool = False

    def send(self, script: bytes) -> bytes:
        """Run a script as root and return what it answered."""
        if self.over_ssh:
            words = ("-c", OVER_SSH, self.host.address, str(self.lab.key), str(self.lab.known_hosts))
            return self.lab.exec(sys.executable, *words, stdin=script.decode()).stdout.encode()
        done = self.lab.run_in(self.host, *self.shell, stdin=script.decode(), check=False)
        assert not done.stderr, done.stderr
        return done.stdout.encode()

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run some lines as root, not by the guard."""
        return self.lab.run_in(self.host, "sh", "-c", script, check=check).stdout

    def begin(self, run: str, timer: int | None = None) -> Snapshot:
        return guard.begun(self.send(guard.begin(run, self.touches, timer)), run, self.touches)

    def confirm(self, run: str) -> Settled:
        return guard.confirmed(self.send(guard.confirm(run)), run, self.touches)

    def undo(self, snapshot: Snapshot, after: Settled | None = None, *, force: bool = False) -> Undone:
        return guard.undone(self.send(guard.undo(snapshot.run, snapshot, after, force=force)), snapshot.run)

    def state(self, *tops: str) -> list[str]:
        """All below these folders, as it is now."""
        return self.sh(LIST.replace("@", " ".join(tops))).splitlines()

    def kept(self) -> bool:
        """Whether anything of any run is on the host."""
        return self.sh("test -e /var/lib/hardencheck && echo yes; true") != ""

    def wait(self, condition: str) -> None:
        """Wait until a command succeeds on the host."""
        until(lambda: self.lab.run_in(self.host, "sh", "-c", condition, check=False).returncode == 0, condition)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what is bound to come, and fail where it does not within a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.1)
