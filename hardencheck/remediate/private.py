"""A folder in memory for one run of Ansible, and the end of everything that was left running in one.

Its name says whose it is: process id, when that process started, boot and namespace of process ids. So a later run can
tell a folder whose process was killed from one that is in use, and remove it, with what still runs on behalf of it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hardencheck.errors import RemediationError

#: Every process that is started for a run has its folder, and a slash, in this environment variable.
MARK = "HARDENCHECK_PRIVATE"

_NAME = re.compile(r"hardencheck-(\d+)-(\d+)-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}")

#: ssh(1) adds 17 characters to the name of a socket while it makes it; a socket's path has 107 at most.
_LONGEST = 107 - 17 - len("/c/12345")

#: For how long processes that were killed may take to be gone.
_KILL_SECONDS = 10.0


def create(parent: Path | None = None) -> Path:
    """Make a folder for this process that nobody else may look into; raises RemediationError.

    It lies in memory: in /dev/shm, or where XDG_RUNTIME_DIR says; `parent` may be any other place.
    """
    for place in _places(parent):
        path = place / f"hardencheck-{os.getpid()}-{_started(os.getpid())}-{_boot()}-{_space()}-{secrets.token_hex(6)}"
        if len(os.fsencode(path)) > _LONGEST:
            continue
        with suppress(OSError):
            path.mkdir(mode=0o700)
            path.chmod(0o700)
            return path
    raise RemediationError(
        f"there is no place in memory for what Ansible needs: tried {', '.join(map(str, _places(parent))) or 'none'}",
        hint="mount a tmpfs on /dev/shm, or set XDG_RUNTIME_DIR to a folder on one",
    )


def remove(folder: Path) -> None:
    """End what runs on behalf of a folder, then remove it."""
    end_processes(folder)
    shutil.rmtree(folder, ignore_errors=True)


def sweep_orphans(folder: Path | None = None) -> int:
    """Remove the folders of processes that are gone, with what still runs for them, and return how many there were."""
    count = 0
    for place in _places(folder):
        with suppress(OSError):
            for path in sorted(place.iterdir()):
                if _is_orphan(path):
                    remove(path)
                    count += 1
    return count


def end_processes(folder: Path) -> None:
    """Kill every process that was started on behalf of a folder, whatever session or group it has moved to."""
    give_up = time.monotonic() + _KILL_SECONDS
    while (found := list(_processes(folder))) and time.monotonic() < give_up:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _processes(folder: Path) -> Iterator[int]:
    """Yield the processes of this user that have the folder, or one in it, in their environment."""
    mark = f"{MARK}={folder}/".encode()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with suppress(OSError):
                environment = Path("/proc", name, "environ").read_bytes().split(b"\0")
                if any(entry.startswith(mark) for entry in environment):
                    yield int(name)


def _places(parent: Path | None) -> list[Path]:
    if parent is not None:
        return [parent]
    named = [Path("/dev/shm"), Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")]  # noqa: S108  it is a tmpfs
    return [place for place in named if place.is_absolute() and _in_memory(place)]


def _in_memory(place: Path) -> bool:
    """Say whether the innermost mount that holds a place is a tmpfs, and the place may be written to."""
    found, kind = Path("/"), ""
    try:
        place = place.resolve(strict=True)
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, where, its_kind, *_ = line.split()
            mount = Path(re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), where))
            if place.is_relative_to(mount) and len(mount.parts) >= len(found.parts):
                found, kind = mount, its_kind
    except OSError:
        return False
    return kind in ("tmpfs", "ramfs") and os.access(place, os.W_OK | os.X_OK)


def _is_orphan(path: Path) -> bool:
    name = _NAME.fullmatch(path.name)
    if name is None:
        return False
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return False
    pid, started, boot, space = int(name[1]), name[2], name[3], name[4]
    if boot != _boot():
        return True
    # whether a process of another container lives cannot be seen from here
    return space == _space() and _started(pid) != started


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot, empty when it is gone or only its parent has not noticed."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def _space() -> str:
    return str(os.stat("/proc/self/ns/pid").st_ino)
