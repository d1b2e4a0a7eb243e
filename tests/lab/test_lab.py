"""The lab is what it says it is: every profile shows its fault to the tools of the host itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.lab import SCRIPT, Host, Lab, LabError, profiles

MANY = {"bad", "neglected"}  # have many faults
BOOTED_TOGETHER = ("good", "bad", "nosudo", "sudopw", "pending", "usbblacklist", "v6open", "listener")

# What a host's own tools say of a fault (nothing when it is not there), and the profiles that have it.
FAULTS = {
    "awk -F: '$2 == \"\"' /etc/shadow": {"emptypw"},
    "awk -F: '$3 == 0 && $1 != \"root\"' /etc/passwd": {"uid0"},
    "awk -F: '$2 ~ /^[$]/ && $5 > 60' /etc/shadow": {"noexpire"},
    "grep -F ':$1$' /etc/shadow": {"md5hash"},
    "grep -rl NOPASSWD /etc/sudoers.d | grep -v /hardencheck$": {"nopasswd"},
    "[ -e /etc/sudoers.d/hardencheck ] || echo no sudo": {"nosudo"},
    "grep -v NOPASSWD /etc/sudoers.d/hardencheck 2>/dev/null": {"sudopw"},
    "grep -x 'minlen = 8' /etc/security/pwquality.conf": {"weakpw"},
    "grep -q pam_pwquality /etc/pam.d/common-password || echo off": {"pamoff"},
    "grep -qx enforce_for_root /etc/security/pwquality.conf || echo off": {"rootweak"},
    "grep -q pam_faillock /etc/pam.d/common-auth || echo off": {"faillockoff"},
    "[ -s /var/lib/aide/aide.db ] || echo none": {"noids"},
    "systemctl is-enabled -q dailyaidecheck.timer || echo off": {"noids"},
    "find /var/lib/apt/lists -name '*security*InRelease' -mtime +30": {"stalelists"},
    "apt-get -s dist-upgrade | grep ^Inst": {"pending"},
    "nft list ruleset | grep -q . || echo none": {"nofw"},
    "nft list ruleset | grep 'hook input.*policy accept'": {"openfw"},
    "nft list ruleset | grep '^table ip '": {"v6open"},
    "nft list ruleset | grep 8080": {"listener"},
    "modprobe -n -v usb-storage | grep usb-storage.ko": {"usb", "usbblacklist"},
    "modprobe -c | grep -q '^blacklist usb_storage' || echo none": {"usb"},
    "sshd -T | grep 'permitrootlogin yes'": set(),
    "sshd -T -C user=root,host=x,addr=10.99.0.1,laddr=10.77.0.1,lport=22 | grep 'permitrootlogin yes'": {"sshroot"},
}

CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
connection.settimeout(1.5)
try:
    connection.connect((sys.argv[1], int(sys.argv[2])))
    print("open")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("dropped")
"""


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> dict[str, Host]:
    return {host.name: host for host in lab.hosts(*BOOTED_TOGETHER)}


def port(lab: Lab, address: str, number: int) -> str:
    return lab.exec(sys.executable, "-c", CONNECT, address, str(number)).stdout.strip()


def ipv6(lab: Lab, host: Host) -> str:
    return lab.run_in(host, "ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global").stdout.split()[3][:-3]


def pending(lab: Lab, host: Host) -> str:
    return lab.run_in(host, "apt-get", "-s", "dist-upgrade").stdout


def modprobe(lab: Lab, host: Host, module: str) -> str:
    return lab.run_in(host, "modprobe", "-n", "-v", module).stdout.splitlines()[-1].strip()


def test_every_profile_says_what_it_flips_and_has_a_test() -> None:
    written = {path.stem for path in (SCRIPT.parent / "profiles").glob("*.sh")} - {"lib"}
    written = {name for name in written if not name.startswith("tricky-")}  # tests/end_to_end/test_tricky.py has these
    assert set(profiles()) == written
    assert set.union(*FAULTS.values()) == written - {"good", *MANY}


def test_every_mutant_has_its_fault_and_no_other(lab: Lab) -> None:
    names = sorted(set(profiles()) - MANY)
    script = "".join(f"if ( {command} ) | grep -q .; then echo {i}; fi\n" for i, command in enumerate(FAULTS))
    for name, host in zip(names, lab.hosts(*names, mode="lite"), strict=True):
        shown = {int(line) for line in lab.run_in(host, "sh", "-c", script).stdout.splitlines()}
        assert shown == {i for i, owners in enumerate(FAULTS.values()) if name in owners}, name


def test_ssh_with_strict_host_keys(lab: Lab, hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        assert lab.ssh(host, "hostname").stdout == f"{host.name}\n"


def test_hosts_have_booted_clean(lab: Lab, hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        assert lab.run_in(host, "systemctl", "is-system-running", check=False).stdout == "running\n"
        assert lab.run_in(host, "systemctl", "is-active", "ssh").stdout == "active\n"


def test_sudo_of_the_scan_account(lab: Lab, hosts: dict[str, Host]) -> None:
    assert lab.ssh(hosts["good"], "sudo -n id -u").stdout == "0\n"
    assert "password is required" in lab.ssh(hosts["nosudo"], "sudo -n true", check=False).stderr
    assert "password is required" in lab.ssh(hosts["sudopw"], "sudo -n true", check=False).stderr
    with_password = lab.ssh(hosts["sudopw"], "sudo -S -p '' id -u", stdin=f"{lab.password}\n")
    assert with_password.stdout == "0\n"


def test_firewall_really_drops(lab: Lab, hosts: dict[str, Host]) -> None:
    assert port(lab, hosts["good"].address, 22) == "open"
    assert port(lab, hosts["good"].address, 81) == "dropped"
    assert port(lab, ipv6(lab, hosts["good"]), 81) == "dropped"
    assert port(lab, hosts["bad"].address, 81) == "refused"
    assert port(lab, hosts["bad"].address, 8080) == "open"
    assert port(lab, hosts["listener"].address, 8080) == "open"
    assert port(lab, hosts["v6open"].address, 81) == "dropped"
    assert port(lab, ipv6(lab, hosts["v6open"]), 81) == "refused"


def test_security_update_is_pending(lab: Lab, hosts: dict[str, Host]) -> None:
    assert "Inst hc-demo [1.0-1] (1.0-1+deb12u1 Debian-Security:" in pending(lab, hosts["pending"])
    assert "Inst" not in pending(lab, hosts["good"])


def test_usb_storage(lab: Lab, hosts: dict[str, Host]) -> None:
    for module in ("usb-storage", "uas"):
        assert modprobe(lab, hosts["good"], module) == "install /bin/false"
        assert modprobe(lab, hosts["usbblacklist"], module).startswith("insmod ")
        assert modprobe(lab, hosts["bad"], module).startswith("insmod ")


def test_password_quality_is_enforced(lab: Lab, hosts: dict[str, Host]) -> None:
    short, long = "agent1:Xk7-pq9wZ", "agent1:Xk7-pq9wZ-tr4Lm2"
    assert lab.run_in(hosts["good"], "chpasswd", stdin=short, check=False).returncode != 0
    assert lab.run_in(hosts["good"], "chpasswd", stdin=long).returncode == 0
    assert lab.run_in(hosts["bad"], "chpasswd", stdin=short).returncode == 0


def test_lockout_after_three_wrong_passwords(lab: Lab, hosts: dict[str, Host]) -> None:
    def login(password: str) -> bool:
        command = ("su", "itadmin", "-c", "su agent2 -c true")
        return lab.run_in(hosts["good"], *command, stdin=f"{password}\n", check=False).returncode == 0

    assert login(lab.password)
    for _ in range(3):
        assert not login("wrong")
    assert not login(lab.password)
    lab.run_in(hosts["good"], "faillock", "--user", "agent2", "--reset")
    assert login(lab.password)


def test_host_key_can_change(lab: Lab, hosts: dict[str, Host]) -> None:
    with lab.changed_host_key(hosts["bad"]):
        assert lab.ssh(hosts["bad"], "true", check=False).returncode == 255
    assert lab.ssh(hosts["bad"], "true").returncode == 0


def test_network_can_be_cut_and_sshd_frozen(lab: Lab, hosts: dict[str, Host]) -> None:
    with lab.unplugged(hosts["bad"]):
        assert port(lab, hosts["bad"].address, 22) != "open"
    with lab.frozen_sshd(hosts["bad"]):
        assert port(lab, hosts["bad"].address, 22) == "open"
        assert lab.exec("timeout", "1", str(SCRIPT), "ssh", "bad", "true", check=False).returncode == 124
    assert lab.ssh(hosts["bad"], "true").returncode == 0


def test_inventory_of_some_hosts(lab: Lab, hosts: dict[str, Host]) -> None:
    text = lab.inventory_of(hosts["good"], hosts["bad"]).read_text()
    assert [line.split()[0] for line in text.splitlines() if "lab_profile=" in line] == ["bad", "good"]
    assert "ansible_user=svc_hc" in text


def test_root_and_upper_directories(lab: Lab, hosts: dict[str, Host]) -> None:
    lab.run_in(hosts["good"], "touch", "/etc/made-by-a-test")
    assert (hosts["good"].root / "etc/made-by-a-test").exists()
    assert (hosts["good"].upper / "etc/made-by-a-test").exists()
    lab.run_in(hosts["good"], "rm", "/etc/made-by-a-test")


def test_lite_hosts(lab: Lab) -> None:
    fleet = lab.fleet(4, "nofw", "weakpw")
    assert [host.name for host in fleet] == ["lite-nofw", "lite-weakpw", "lite-nofw-2", "lite-weakpw-2"]
    for host in fleet:
        assert lab.ssh(host, "sudo -n cat /etc/hostname").stdout == f"{host.name}\n"
    assert port(lab, fleet[0].address, 81) == "refused"
    assert port(lab, fleet[1].address, 81) == "dropped"


def test_fresh_hosts_are_nobody_elses(lab: Lab) -> None:
    had = lab.fleet(1, "nofw")
    fresh = lab.fresh(1, "nofw")
    assert fresh[0] not in had
    assert lab.fresh(1, "nofw") != fresh
    assert lab.fleet(1, "nofw") == had


def test_down_leaves_nothing(lab: Lab) -> None:
    other = Lab(f"d{os.getpid()}")
    other.host("bad", mode="lite")
    other.down()
    assert not other.run.exists()
    assert f"d{os.getpid()}-" not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert str(other.run) not in Path("/proc/self/mounts").read_text()
    other.down()


def test_sweep_ends_labs_without_owner(lab: Lab) -> None:
    orphan = Lab(f"o{os.getpid()}")
    with subprocess.Popen(["sleep", "60"]) as owner:
        orphan._environment["HARDENCHECK_LAB_OWNER"] = str(owner.pid)
        orphan.host("bad", mode="lite")
        lab.sweep()
        assert orphan.run.exists()
        owner.kill()
    lab.sweep()
    assert not orphan.run.exists()
    assert lab.run.exists()


def test_unknown_profile_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="no such profile: nonesuch"):
        lab.host("nonesuch")
