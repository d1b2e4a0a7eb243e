"""`hardencheck doctor` for Windows hosts, as a user runs it, against a real listener."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.winlab import lab as windows
from tests.winlab.shells import Request, Result

ANSWER = "hardencheck-doctor\r\npowershell=5.1.20348.1\r\nbits=64\r\naccount=LAB\\audit\r\nadmin={}\r\nclock={}\r\n"


def doctor(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
    environment.pop("HARDENCHECK_STORE", None)
    command = [sys.executable, "-m", "hardencheck", "doctor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)


@pytest.mark.parametrize("admin", ["True", "False"])
def test_a_host_and_its_certificate(tmp_path: Path, admin: str) -> None:
    def answer(request: Request) -> Result:
        now = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout.strip()
        return Result((ANSWER.format(admin, now) + "hardencheck-end\r\n").encode())

    with windows.opened(tmp_path) as lab:
        server = lab.serve(answer, tls=True)
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(
            "all:\n  hosts:\n    desk1:\n      ansible_host: 127.0.0.1\n  vars:\n    ansible_connection: winrm\n"
            f"    ansible_port: {server.port}\n    ansible_user: LAB\\audit\n    ansible_password: {windows.PASSWORD}\n"
            f"    ansible_winrm_ca_trust_path: {lab.authority.path}\n    ansible_winrm_transport: ntlm\n"
        )
        done = doctor(tmp_path, "-i", inventory)

    assert done.returncode == (0 if admin == "True" else 2), done.stderr
    for words in ("certificate", "valid for 127.0.0.1", "FullLanguage", "version 5.1.20348.1", "64-bit process"):
        assert words in done.stdout
    assert ("stays unknown" in done.stdout) == (admin == "False")
    assert f"{int(admin == 'True')} of 1 hosts are ready" in done.stdout
    assert windows.PASSWORD not in done.stdout + done.stderr


def test_an_ignored_certificate_is_a_sentence(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        "pc ansible_connection=winrm ansible_user=a ansible_password=b ansible_winrm_server_cert_validation=ignore\n"
    )
    done = doctor(tmp_path, "-i", inventory)

    assert done.returncode == 2
    assert "ansible_winrm_ca_trust_path" in " ".join(done.stdout.split())


def test_what_the_windows_team_is_asked_for(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--windows-setup")

    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 120
    for words in (
        "secedit",
        "auditpol",
        "Win32_EncryptableVolume",
        "RootSDDL",
        "[not tried]",
        "Basic",
        "CredSSP",
        "5986",
    ):
        assert words in done.stdout
