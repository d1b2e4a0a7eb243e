"""Windows hosts through the real command and the real pywinrm; the hosts are listeners that answer from captures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, Done
from tests.lab.lab import Lab
from tests.winlab.domain import Domain
from tests.winlab.machine import Machine, like
from tests.winlab.netns import inside
from tests.winlab.server import WsmanServer
from tests.winlab.shells import Handler

USER, PASSWORD = "LAB\\audit", "correct horse"
COMMON = (
    "ansible_connection=winrm ansible_host=127.0.0.1 ansible_winrm_scheme=http ansible_winrm_transport=ntlm "
    "ansible_winrm_message_encryption=always"
)

#: six Windows hosts, each with what its captures say and what must come of it
MACHINES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "desk": (
        "a Windows 11 workstation of a domain, in English",
        {
            "windows.removable_storage": "disks and phones are denied, discs are not",
            "windows.firewall": "a member of a domain whose policies follow the STIG",
            "windows.antivirus": "Microsoft Defender on a workstation",
            "windows.screen_lock": "ten minutes, set by a group policy of the domain",
            "windows.audit": "a workstation as it should be, in English",
            "windows.volume_encryption": "both volumes are protected; the recovery volume has no letter",
        },
        {
            "windows-usb-disk-writes-blocked": "pass",
            "windows-phone-storage-blocked": "pass",
            "windows-other-media-writes-blocked": "fail",
            "windows-firewall-on": "pass",
            "windows-antivirus-active": "pass",
            "windows-screen-lock-enforced": "pass",
            "windows-logons-audited": "pass",
            "windows-volumes-encrypted": "pass",
        },
    ),
    "buero": (
        "a workstation in a workgroup, in German",
        {
            "windows.removable_storage": "USBSTOR is disabled and nothing else; "
            "UAS disks, phones and the next new stick come in",
            "windows.firewall": "a workgroup machine has no Domain profile, and that being off says nothing",
            "windows.antivirus": "the other product has expired",
            "windows.screen_lock": "0 is never",
            "windows.audit": "a German workstation that lacks failures",
            "windows.smb": "a workstation in a workgroup takes guests",
        },
        {
            "windows-usb-disk-writes-blocked": "fail",
            "windows-phone-storage-blocked": "fail",
            "windows-firewall-on": "pass",
            "windows-screen-lock-enforced": "fail",
            "windows-logons-audited": "fail",
            "windows-smb-guest-logons-refused": "fail",
        },
    ),
    "dc": (
        "a domain controller on Server Core, in Japanese",
        {
            "windows.firewall": "a domain controller on Server Core whose Domain profile is off",
            "windows.account_policy": "a domain controller with the policy that a domain begins with, in Japanese",
            "windows.administrators": "a domain controller",
            "windows.local_accounts": "a domain controller has no local accounts",
            "windows.audit": "the same in Japanese, on a domain controller on Server Core",
            "windows.antivirus": "a domain controller on Server Core with old signatures",
        },
        {
            "windows-firewall-on": "fail",
            "windows-account-lockout-effective": "fail",
            "windows-administrators-approved": "notapplicable",
            "windows-accounts-not-stale": "notapplicable",
            "windows-logons-audited": "pass",
            "windows-malware-signatures-fresh": "fail",
        },
    ),
    "files": (
        "a member server, in Polish",
        {
            "windows.firewall": "not configured is neither yes nor no, what group policy and the registry say decides",
            "windows.antivirus": "a server with another product, which cannot say that it is on",
            "windows.audit": "the same in Polish, on a member server",
            "windows.smb": "a member server of 2022 as it is installed offers signatures only",
        },
        {
            "windows-antivirus-active": "unknown",
            "windows-logons-audited": "pass",
            "windows-smb-signing-required": "fail",
        },
    ),
    "front": (
        "Server Core in a workgroup, in French, without administrator rights",
        {"windows.screen_lock": "the registry refuses access"},
        {
            "windows-screen-lock-enforced": "unknown",
            "windows-account-lockout-effective": "unknown",
            "windows-administrators-approved": "unknown",
        },
    ),
    "kiosk": ("Constrained Language Mode tells its name and nothing else", {}, {}),
}
REACHED = {
    "desk": "reached",
    "buero": "reached",
    "dc": "reached",
    "files": "reached",
    "front": "partial",
    "kiosk": "partial",
}


def machine(name: str) -> Machine:
    platform, chosen, _ = MACHINES[name]
    return Machine({}, "ConstrainedLanguage") if name == "kiosk" else like(platform, chosen)


@pytest.fixture
def domain() -> Iterator[Domain]:
    with Domain({USER: PASSWORD}) as found:
        yield found


def host(name: str, server: WsmanServer, password: str = PASSWORD) -> str:
    return f"{name} {COMMON} ansible_port={server.port} ansible_user='{USER}' ansible_password='{password}'\n"


def told(done: Done) -> dict[str, str]:
    assert done.out, done.err
    return {each["host"]: each["reason"] or each["state"] for each in done.json["sweep"]["hosts"]}


def test_linux_and_windows_in_one_sweep(
    lab: Lab, command: Command, domain: Domain, tailoring: Path, tmp_path: Path
) -> None:
    linux = [lab.host(name) for name in ("good", "bad", "weakpw")]
    inventory = tmp_path / "mixed.ini"
    with ExitStack() as stack:
        with inside(lab.exec_prefix[-1]):
            servers = {name: WsmanServer(machine(name), domain) for name in MACHINES}
        lines = [host(name, stack.enter_context(server)) for name, server in servers.items()]
        inventory.write_text(Path(lab.inventory_of(*linux)).read_text() + "\n[windows]\n" + "".join(lines))
        done = command(
            "sweep", "-i", inventory, "--tailoring", tailoring, "-q", "--format", "json", prefix=lab.exec_prefix
        )

    assert done.code == 3, done.err
    hosts = {each["host"]: each for each in done.json["sweep"]["hosts"]}
    assert set(hosts) == {*(each.name for each in linux), *MACHINES}
    for name, (_, _, expected) in MACHINES.items():
        assert (name, hosts[name]["platform"], hosts[name]["state"]) == (name, "windows", REACHED[name])
        outcomes = done.outcomes(name)
        assert all(rule.startswith("windows-") for rule in outcomes)
        assert {rule: outcomes[rule] for rule in expected} == expected, name
    assert set(done.outcomes("kiosk").values()) <= {"unknown", "notselected"}
    assert hosts["kiosk"]["reason"] == "language_mode"
    assert all(rule.startswith("linux-") for each in linux for rule in done.outcomes(each.name))

    again = command("rejudge", "last", "--format", "json")
    assert json.loads(again.out) == done.json
    assert "every result is as it was stored" in again.err
    table = command("report", "last").out
    assert "9 in scope: 7 reached, 2 partial" in table


def test_a_wrong_password_reaches_two_of_two_hundred_hosts(command: Command, domain: Domain, tmp_path: Path) -> None:
    answer: Handler = like("a Windows 11 workstation of a domain, in English", {})
    select = ("--rule", "windows-screen-lock-enforced", "-q", "--format", "json")
    with ExitStack() as stack:
        servers = [stack.enter_context(WsmanServer(answer, domain)) for _ in range(20)]
        names = [f"desk-{number:03}" for number in range(200)]

        def inventory(password: str) -> Path:
            path = tmp_path / "fleet.ini"
            lines = [host(name, servers[number % 20], password) for number, name in enumerate(names)]
            path.write_text("".join(lines))
            return path

        first = command("sweep", "-i", inventory("the wrong horse"), *select)
        assert first.code == 2, first.err
        assert Counter(told(first).values()) == {"authentication_failed": 2, "credential_suspended": 198}
        assert domain.attempts == 2
        results = [each["results"][0] for each in first.json["sweep"]["hosts"]]
        assert {result["outcome"] for result in results} == {"notchecked"}
        assert sum("credential suspended" in result["message"] for result in results) == 198

        second = command("sweep", "-i", inventory(PASSWORD), *select)
        assert Counter(told(second).values()) == {"credential_suspended": 200}
        assert domain.attempts == 2, "a suspended credential is not tried, right or wrong"

        assert command("credential", "reset", "--all").code == 0
        third = command("sweep", "-i", inventory(PASSWORD), *select)
        assert Counter(told(third).values()) == {"reached": 200}


def test_a_recording_of_a_sweep_holds_no_name(command: Command, domain: Domain, tmp_path: Path) -> None:
    bundle, inventory = tmp_path / "bundle", tmp_path / "one.ini"
    with WsmanServer(machine("desk"), domain) as server:
        inventory.write_text(host("agent-017.lab.example", server))
        done = command("sweep", "-i", inventory, "-q", "--record", bundle)
    assert done.code in (1, 3), done.err
    again = command("sweep", "-i", inventory, "-q", "--record", bundle)
    assert (again.code, "the folder is not empty" in again.err) == (64, True)
    nowhere = command("sweep", "-i", inventory, "-q", "--record", "/dev/null/x")
    assert (nowhere.code, "--record /dev/null/x: Not a directory" in nowhere.err) == (64, True)
    (path,) = bundle.iterdir()
    text = path.read_text("ascii").lower()
    assert path.name == "host-001.exchange"
    assert [name for name in ("agent-017", "lab.example", "lab\\\\audit") if name in text] == []
    assert "windows.screen_lock" in text
