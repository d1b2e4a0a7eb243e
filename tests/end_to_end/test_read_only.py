"""A sweep leaves no trace on a host but what sshd, sudo, journald and fail2ban write about it themselves."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from tests.end_to_end.conftest import Command
from tests.lab.lab import Host, Lab

#: what a login itself leaves behind: logs, sessions, and the records of sshd, sudo and PAM (pam_motd, pam_faillock)
OWN_RECORDS = (
    *("var/log/", "run/systemd/", "run/user/", "run/sudo/", "run/utmp"),
    *("run/motd.dynamic", "run/faillock/svc_hc"),
)
#: what daemons and timers of the good host write by themselves while a sweep happens to run: each file by its name, and
#: its directory; whatever else appears there is seen
BY_THEMSELVES = re.compile(
    "|".join(
        (
            r"var/lib/fail2ban(/fail2ban\.sqlite3(-journal|-wal|-shm)?)?",  # follows sshd's log, and writes at a login
            r"var/lib/systemd/timers(/stamp-[a-z0-9_-]+\.timer)?",  # when a timer ran
            r"var/backups(/dpkg\.[a-z.0-9]+)?",  # dpkg-db-backup.timer, at midnight
            r"var/lib/logrotate(/status(\.tmp)?)?",  # logrotate.timer, at midnight
        )
    )
)
#: kernel file systems, not files of the host
NOT_FILES = ("proc", "sys", "dev")


def snapshot(host: Host) -> dict[str, tuple[int, ...]]:
    """Return every file of a host with all that a change would touch: type, mode, owner, size, mtime, ctime, inode."""
    found: dict[str, tuple[int, ...]] = {}
    pending = [Path()]
    while pending:
        folder = pending.pop()
        for entry in os.scandir(host.root / folder):
            path = folder / entry.name
            if str(path) in NOT_FILES:
                continue
            about = entry.stat(follow_symlinks=False)
            found[str(path)] = (
                about.st_mode,
                about.st_uid,
                about.st_gid,
                about.st_mtime_ns,
                about.st_ctime_ns,
                about.st_ino,
            )
            if stat.S_ISDIR(about.st_mode) and not entry.is_symlink():
                pending.append(path)
    return found


def test_a_sweep_changes_nothing_on_the_host(lab: Lab, command: Command, tailoring: Path) -> None:
    host = lab.host("good")
    inventory = lab.inventory_of(host)
    arguments = ("sweep", "-i", inventory, "--tailoring", tailoring, "-q")
    command(*arguments, prefix=lab.exec_prefix)  # the first login of an account makes its own records
    before = snapshot(host)
    done = command(*arguments, prefix=lab.exec_prefix)
    after = snapshot(host)
    assert done.code in (0, 1, 2, 3), done.err
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    changed.discard("run")  # pam_motd replaces a file in it
    left = {path for path in changed if not path.startswith(OWN_RECORDS) and not BY_THEMSELVES.fullmatch(path)}
    assert left == set()
