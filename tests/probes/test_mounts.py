"""The list of mounts leaves out what a log-in makes, and nothing that could be a medium or a volume."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hardencheck.probes.linux.mounts import FUNCTIONS

OURS = "1612 180 0:195 / /run/user/1000 rw,nosuid,nodev,relatime shared:502 - tmpfs tmpfs rw,size=2468408k,uid=1000\n"
OTHERS = (
    "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "31 25 0:27 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,mode=755\n"
    "40 31 8:17 / /run/user/1000 rw,relatime shared:9 - vfat /dev/sdb1 rw\n"
    "41 31 8:17 / /run/user/1000/stick rw,relatime - vfat /dev/sdb1 rw\n"
    "42 31 0:51 / /run/user/1000/gvfs rw,nosuid,nodev - fuse.gvfsd-fuse gvfsd-fuse rw,user_id=1000\n"
    "43 31 0:52 / /run/user/\\0401000 rw,nosuid,nodev - tmpfs tmpfs rw\n"
)


def test_only_the_runtime_directories_of_people_are_left_out(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(OURS + OTHERS + OURS)
    script = FUNCTIONS.replace("/proc/self/mountinfo", str(table)) + "mounts\n"
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == OTHERS


def test_a_list_that_is_not_there_is_no_empty_list(tmp_path: Path) -> None:
    script = FUNCTIONS.replace("/proc/self/mountinfo", str(tmp_path / "nothing")) + "mounts\n"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode != 0, done.stdout) == (True, "")
