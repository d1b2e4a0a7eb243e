"""A throw-away Debian with real sudo, PAM and sshd: a layer over the lab's cached root, in namespaces of its own.

Everything it needs is in a mount namespace that ends with its first process, so nothing is left behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.transport.sshd import free_port

LAB = Path(__file__).parents[1] / "lab"

_UNSHARE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
_BOOT = """
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
mount -t proc proc /mnt/root/proc
mount -t tmpfs tmpfs /mnt/root/run
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts /mnt/root/dev/pts
mkdir -p /mnt/root/run/sshd
echo up
exec chroot /mnt/root sleep infinity
"""

#: Counts as pam_faillock does on RHEL and in DISA's profiles: every refused password is one record.
_FAILLOCK = b"""
auth required pam_faillock.so preauth deny=3
auth [success=1 default=bad] pam_unix.so
auth [default=die] pam_faillock.so authfail deny=3
auth sufficient pam_faillock.so authsucc deny=3
account required pam_unix.so
"""


def root() -> Path:
    """The lab's cached root file system, which may not have been built."""
    folder = Path(os.environ.get("HARDENCHECK_LAB_DIR") or "/var/tmp/hardencheck-lab")
    key = subprocess.run([str(LAB / "build.sh"), "--key"], check=True, capture_output=True, text=True, timeout=60)
    return folder / f"roots-{key.stdout.strip()}" / "base"


def unavailable() -> str:
    """Say why no machine can be started here, empty when one can."""
    if os.geteuid() != 0:
        return "needs root for namespaces"
    if not root().is_dir():
        return "needs the lab's roots: run tests/lab/lab.sh base"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], check=False, capture_output=True, timeout=60
    )
    return "" if tried.returncode == 0 else "cannot make namespaces here (a container?)"


class Machine:
    """The machine. Its account `scan` has the password `PASSWORD`; sudoers and PAM are the caller's to write."""

    PASSWORD = "right horse"

    def __init__(self) -> None:
        self._outer = subprocess.Popen(
            [*_UNSHARE, "sh", "-euc", _BOOT, "sh", str(root())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._outer.stdout is not None
        assert self._outer.stdout.readline() == b"up\n"
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        self._first = int(children[0])
        give_up = time.monotonic() + 30
        while Path(f"/proc/{self._first}/comm").read_text() != "sleep\n":  # until chroot has happened
            assert time.monotonic() < give_up
            time.sleep(0.01)
        self.port = free_port()
        self.do(
            "useradd -m -s /bin/sh scan; useradd -m -s /bin/sh other;"
            f"echo 'scan:{self.PASSWORD}' | chpasswd; rm -f /etc/sudoers.d/*; ssh-keygen -q -A;"
            "echo 127.0.0.1 localhost $(uname -n) >/etc/hosts;"
            "printf 'Defaults use_pty\\nroot ALL=(ALL) ALL\\n@includedir /etc/sudoers.d\\n' >/etc/sudoers"
        )

    def do(self, script: str, stdin: bytes = b"") -> str:
        """Run a script as root of the machine; raise when it fails."""
        done = subprocess.run(
            self._enter("sh", "-euc", script), input=stdin, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def login(self, command: str, stdin: bytes, shell: str = "/bin/sh") -> subprocess.CompletedProcess[bytes]:
        """Do as sshd does with a command: run it with the account's shell and `-c`, as `scan`, without a terminal."""
        words = ["setpriv", "--reuid=scan", "--regid=scan", "--clear-groups", "--reset-env", shell, "-c", command]
        return subprocess.run(self._enter(*words), input=stdin, capture_output=True, timeout=120, check=False)

    def forget_failures(self) -> None:
        """Let PAM count refused passwords from zero, for sudo and sshd."""
        self.do("rm -rf /run/faillock; tee /etc/pam.d/sudo >/etc/pam.d/sshd", _FAILLOCK)

    def failures(self) -> int:
        """Count the refused passwords that PAM holds against `scan`."""
        return sum(line.rstrip().endswith("V") for line in self.do("faillock --user scan").splitlines())

    def shell(self, name: str) -> str:
        """Return the path of a login shell, brought along from here if need be; empty when nobody has it."""
        inside = self.do(f"command -v {name} || :").strip()
        outside = shutil.which(name)
        if not inside and outside is not None:
            self.do(f"cat >/usr/local/bin/{name}; chmod 755 /usr/local/bin/{name}", Path(outside).read_bytes())
            inside = f"/usr/local/bin/{name}"
        if inside and name == "busybox":
            self.do(f"ln -sf {inside} /usr/local/bin/ash")
            return "/usr/local/bin/ash"
        return inside

    def sudoers(self, text: str) -> None:
        """Let this, besides root's own line, be what sudo goes by."""
        self.do("cat >/etc/sudoers.d/hardencheck; chmod 440 /etc/sudoers.d/hardencheck; visudo -cq", text.encode())

    @contextmanager
    def sshd(self, *settings: str) -> Iterator[None]:
        """Let the machine's sshd listen, with PAM, on `port` of loopback."""
        lines = [
            *settings,
            f"ListenAddress 127.0.0.1:{self.port}",
            "UsePAM yes",
            "PidFile /run/sshd.pid",
            "LogLevel DEBUG1",
        ]
        self.do("cat >/etc/ssh/sshd_config; rm -f /sshd.log", "\n".join([*lines, ""]).encode())
        self.do("/usr/sbin/sshd -E /sshd.log")
        try:
            give_up = time.monotonic() + 30
            while "Server listening on" not in self.do("cat /sshd.log; test -s /run/sshd.pid"):
                assert time.monotonic() < give_up
                time.sleep(0.02)
            yield
        finally:
            self.do("kill $(cat /run/sshd.pid)")

    def close(self) -> None:
        """End every process of the machine, and with them its mounts."""
        self._outer.kill()
        self._outer.wait(30)
        if self._outer.stdout is not None:
            self._outer.stdout.close()

    def _enter(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self._first}", "--mount", "--pid", "chroot", "/mnt/root", *command]
