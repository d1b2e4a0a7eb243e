"""Real OpenSSH servers on loopback, each with its own keys, settings and log, ended by their process id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

SSHD = Path("/usr/sbin/sshd")


def unavailable() -> str:
    """Say why no sshd can be started here, empty when one can."""
    if os.geteuid() != 0:
        return "needs root to start sshd"
    if not SSHD.exists():
        return "needs /usr/sbin/sshd"
    if shutil.which("ssh-keygen") is None:
        return "needs ssh-keygen"
    return ""


def keygen(path: Path, *options: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", path.name, "-f", str(path), *options], check=True, timeout=60)
    return path


def public(path: Path) -> str:
    """The type and base64 of a public key file."""
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Sshd:
    """One server. `settings` are extra lines of sshd_config; the host key is ed25519 unless `host_keys` says else."""

    folder: Path
    settings: list[str] = field(default_factory=list)
    host_keys: list[Path] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(errors="replace")

    @property
    def known(self) -> str:
        """The line for known_hosts."""
        return f"[127.0.0.1]:{self.port} {public(self.host_keys[0])}\n"

    def start(self) -> Sshd:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        if not self.host_keys:
            self.host_keys = [keygen(self.folder / "host_ed25519", "-t", "ed25519")]
        self.port = self.port or free_port()
        allowed = self.folder / "authorized_keys"
        allowed.write_text("\n".join(self.authorized) + "\n")
        config = self.folder / "sshd_config"
        lines = [
            *self.settings,
            f"ListenAddress 127.0.0.1:{self.port}",
            *(f"HostKey {key}" for key in self.host_keys),
            f"AuthorizedKeysFile {allowed}",
            "StrictModes no",
            "PidFile none",
            "PermitRootLogin yes",
            "LogLevel DEBUG1",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
        ]
        config.write_text("\n".join(lines) + "\n")
        seen = self.log.count("Server listening on") if (self.folder / "sshd.log").exists() else 0
        self.process = subprocess.Popen(
            [str(SSHD), "-D", "-f", str(config), "-E", str(self.folder / "sshd.log")],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait(seen + 1)
        return self

    def _wait(self, times: int) -> None:
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            assert self.process is not None
            assert self.process.poll() is None, f"sshd did not start: {self.log}"
            # its log says when it listens: a probe by connecting would be one more connection to count
            log = self.folder / "sshd.log"
            if log.exists() and self.log.count("Server listening on") >= times:
                return
            time.sleep(0.02)
        raise AssertionError("sshd does not listen")

    def stop(self) -> None:
        """End the listener and the sessions that it started."""
        if self.process is None:
            return
        for pid in [*_descendants(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        self.process.wait(10)
        self.process = None


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in children for found in [*_descendants(child), child]]
