"""A lab of real hosts, for tests: what `lab.sh` does, as methods.

Hosts are named after their profile (`profiles/<name>.sh`; `lite-<name>` in lite mode) and boot when first asked for;
asking for several at once boots them side by side. Everything ends with `Lab.down`, also hosts that are still booting
or frozen.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
SCRIPT = HERE / "lab.sh"
USER = "svc_hc"

Mode = Literal["systemd", "lite"]


class LabError(Exception):
    """The lab did not do what it was asked; the message is its own."""


@dataclass(frozen=True)
class Host:
    """A host that is up. `upper` holds what changed on it since its profile, `root` the whole of it."""

    name: str
    address: str
    mode: str
    profile: str
    root: Path
    upper: Path
    log: Path


def _name(profile: str, turn: int, mode: Mode) -> str:
    name = profile if mode == "systemd" else f"{mode}-{profile}"
    return name if turn == 1 else f"{name}-{turn}"


class Lab:
    """One lab, told from others on this machine by its name."""

    def __init__(self, name: str, directory: Path | None = None) -> None:
        base = directory or Path(os.environ.get("HARDENCHECK_LAB_DIR") or "/var/tmp/hardencheck-lab")
        self.run = base / "run" / name
        self.inventory = self.run / "inventory.ini"
        self.known_hosts = self.run / "known_hosts"
        self.key = self.run / "id"
        self.exec_prefix = ["ip", "netns", "exec", f"{name}-ctl"]
        self._environment = {
            **os.environ,
            "HARDENCHECK_LAB": name,
            "HARDENCHECK_LAB_DIR": str(base),
            "HARDENCHECK_LAB_OWNER": str(os.getpid()),
        }
        self._hosts: dict[str, Host] = {}

    def require(self, *, build: bool = False) -> None:
        """Raise LabError with the reason if this machine cannot run the lab; takes a fraction of a second."""
        self._call("check")
        self._call("base" if build else "built")

    def host(self, profile: str, *, mode: Mode = "systemd") -> Host:
        """Return the host of this profile, booted now if it is not up yet."""
        return self.hosts(profile, mode=mode)[0]

    def hosts(self, *profiles: str, mode: Mode = "systemd") -> list[Host]:
        """Return one host per profile; those not up yet boot side by side."""
        names = [_name(profile, 1, mode) for profile in profiles]
        missing = {name: profile for name, profile in zip(names, profiles, strict=True) if name not in self._hosts}
        if missing:
            self._call("up", mode, *missing.values())
            self._hosts.update((name, self._describe(name)) for name in missing)
        return [self._hosts[name] for name in names]

    def fleet(self, count: int, *profiles: str, mode: Mode = "lite") -> list[Host]:
        """Return `count` hosts of these profiles, dealt in turn (lite-good, lite-bad, lite-good-2...)."""
        self._call("up", str(count), mode, *profiles)
        turns = (divmod(index, len(profiles)) for index in range(count))
        return self._hosts_named(_name(profiles[which], turn + 1, mode) for turn, which in turns)

    def fresh(self, count: int, profile: str, *, mode: Mode = "lite") -> list[Host]:
        """Boot `count` more hosts of this profile, which no test has had before."""
        first = next(
            turn for turn in itertools.count(1) if not (self.run / "hosts" / _name(profile, turn, mode)).exists()
        )
        self._call("up", str(first - 1 + count), mode, profile)
        return self._hosts_named(_name(profile, turn, mode) for turn in range(first, first + count))

    def _hosts_named(self, names: Iterable[str]) -> list[Host]:
        return [self._hosts.setdefault(name, self._describe(name)) for name in names]

    def inventory_of(self, *hosts: Host) -> Path:
        """Write an inventory of these hosts only: other tests may have booted more."""
        keep = {host.name for host in hosts}
        lines = self.inventory.read_text().splitlines()
        text = "\n".join(line for line in lines if "lab_profile=" not in line or line.split()[0] in keep)
        path = self.run / f"inventory-{'-'.join(sorted(keep))[:80]}.ini"
        path.write_text(f"{text}\n")
        return path

    @property
    def password(self) -> str:
        """The throw-away password of the lab's people, and of svc_hc on hosts whose sudo asks for it."""
        return (self.run / "password").read_text().strip()

    def run_in(
        self, host: Host, *command: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root on the host, not over SSH."""
        return self._run([str(SCRIPT), "sh", host.name, *command], stdin, check=check)

    def ssh(
        self, host: Host, *command: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the host as the scan account, with OpenSSH's client and the host key checked."""
        return self._run([str(SCRIPT), "ssh", host.name, *command], stdin, check=check)

    def exec(self, *command: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on the controller, the only place that hosts can be reached from."""
        return self._run([*self.exec_prefix, *command], stdin, check=check)

    @contextmanager
    def unplugged(self, host: Host) -> Iterator[None]:
        """Pull the host's network cable out for a while."""
        self._call("net", host.name, "down")
        try:
            yield
        finally:
            self._call("net", host.name, "up")

    @contextmanager
    def frozen_sshd(self, host: Host) -> Iterator[None]:
        """Let the host's sshd hang for a while: connections open, nothing answers."""
        self._call("sshd", host.name, "stop")
        try:
            yield
        finally:
            self._call("sshd", host.name, "cont")

    @contextmanager
    def changed_host_key(self, host: Host) -> Iterator[None]:
        """Let the host show a key for a while that known_hosts does not know."""
        self._call("hostkey", host.name, "new")
        try:
            yield
        finally:
            self._call("hostkey", host.name, "restore")

    def down(self) -> None:
        """End the lab: every process, mount and network namespace it has made."""
        self._hosts.clear()
        self._call("down")

    def sweep(self) -> None:
        """End labs whose owners died without doing so."""
        self._call("sweep")

    def _describe(self, name: str) -> Host:
        directory = self.run / "hosts" / name
        _, address, mode, profile, _ = (directory / "meta").read_text().split()
        root = Path(self._call("root", name).strip())
        return Host(name, address, mode, profile, root, directory / "upper", directory / "log")

    def _call(self, *arguments: str) -> str:
        return self._run([str(SCRIPT), *arguments], None, check=True).stdout

    def _run(self, command: Sequence[str], stdin: str | None, *, check: bool) -> subprocess.CompletedProcess[str]:
        with subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            stdout, stderr = process.communicate(stdin)
        if check and process.returncode:
            raise LabError(stderr.strip() or f"{' '.join(command)}: exit status {process.returncode}")
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def profiles() -> dict[str, str]:
    """Return every profile with the rules it flips, as its `# flips:` line says."""
    found = {}
    for path in sorted((HERE / "profiles").glob("*.sh")):
        if match := re.search(r"^# flips: (.*)$", path.read_text(), re.MULTILINE):
            found[path.stem] = match[1]
    return found
