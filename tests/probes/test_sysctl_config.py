"""Which file decides about a kernel setting (sysctl.d(5)), and the limits of sessions (limits.conf(5))."""

from __future__ import annotations

import pytest

from hardencheck.probes.linux import limits, sysctl_config
from hardencheck.probes.output import Output, Run

KEY = "fs.suid_dumpable"


def setting(files: dict[str, str], *, systemd: bool = True, special: set[str] | None = None) -> str | None:
    runs = {"sysctl_systemd": Run("systemd\n", 0)} if systemd else {}
    found = sysctl_config.of(Output(runs=runs, files=files, special=special or set())).get(KEY)
    return found.value if found else None


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({"/etc/sysctl.d/10.conf": f"{KEY}=0\n{KEY} = 2\n"}, "2"),
        ({"/etc/sysctl.d/10.conf": f"{KEY}=0", "/usr/lib/sysctl.d/50.conf": f"{KEY}=2"}, "2"),
        ({"/etc/sysctl.d/50.conf": f"{KEY}=0", "/usr/lib/sysctl.d/50.conf": f"{KEY}=2"}, "0"),
        ({"/run/sysctl.d/50.conf": f"{KEY}=1", "/usr/lib/sysctl.d/50.conf": f"{KEY}=2"}, "1"),
        ({"/etc/sysctl.d/50.conf": "", "/usr/lib/sysctl.d/50.conf": f"{KEY}=2"}, None),
        ({"/etc/sysctl.d/50": f"{KEY}=0"}, None),
        ({"/etc/sysctl.d/50.conf": f"#{KEY}=0\n;{KEY}=0"}, None),
        ({"/etc/sysctl.d/50.conf": "fs/suid_dumpable = 0"}, "0"),
        ({"/etc/sysctl.d/50.conf": f"-{KEY}=0"}, "0"),
        ({"/etc/sysctl.d/50.conf": "fs.*=1", "/etc/sysctl.d/10.conf": f"{KEY}=0"}, "0"),
        ({"/etc/sysctl.d/50.conf": "fs.*=1"}, "1"),
        ({"/etc/sysctl.d/50.conf": f"fs.*=1\n-{KEY}"}, None),
    ],
)
def test_the_last_name_wins_and_the_first_directory_masks(files: dict[str, str], value: str | None) -> None:
    assert setting(files) == value


def test_a_link_to_nothing_masks() -> None:
    files = {"/usr/lib/sysctl.d/50.conf": f"{KEY}=2"}
    assert setting(files, special={"/etc/sysctl.d/50.conf"}) is None


def test_only_procps_reads_sysctl_conf() -> None:
    files = {"/etc/sysctl.conf": f"{KEY}=0", "/etc/sysctl.d/99.conf": f"{KEY}=2"}
    assert setting(files) == "2"
    assert setting(files, systemd=False) == "0"


def test_a_dot_in_the_name_of_an_interface_is_kept() -> None:
    assert sysctl_config.normal("net/ipv4/conf/eth0.1/rp_filter") == "net.ipv4.conf.eth0/1.rp_filter"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("* hard core 0", 0),
        ("* - core 0", 0),
        ("*\thard\tcore\t0 # why", 0),
        ("* soft core 0", 1),
        ("* hard core 0\n* hard core 1", 1),
        ("* hard core 0\n* hard core none", 0),
        ("* hard core 0\nagent1 hard core unlimited", 1),
        ("* hard core 0\nagent1 hard core unlimited\nagent1 hard core 0", 0),
        ("* hard core 0\nroot hard core unlimited", 0),
        ("agent1 hard core 0", 1),
    ],
)
def test_who_may_write_a_core_file(text: str, count: int) -> None:
    offenders, _ = limits.core_offenders({limits.MAIN: text})
    assert len(offenders) == count


def test_limits_d_is_read_after_the_main_file() -> None:
    files = {limits.MAIN: "* hard core unlimited", "/etc/security/limits.d/10.conf": "* hard core 0"}
    assert limits.core_offenders(files) == ([], "/etc/security/limits.d/10.conf:1")
