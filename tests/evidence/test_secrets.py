"""What looks like a secret is told by its kind, in any surroundings; what probes really send does not look like one."""

from __future__ import annotations

import pytest

from hardencheck.evidence.secrets import secret_in, sections_with_secrets
from hardencheck.model.capture import Capture
from tests.evidence.canaries import CANARIES
from tests.probes.cases import all_cases

HARMLESS = (
    b"root:yescrypt:19800:0:99999:7:::",
    b"root:*:19800:0:99999:7:::\nsync:!:19800:0:99999:7:::\nlp:!*:19800:0:99999:7:::",
    b"awk '{print $1$2, $5$6$7}' /etc/passwd | sed 's/$1$//'",
    b"# password [success=1 default=ignore] pam_unix.so obscure yescrypt",
    b"-----BEGIN CERTIFICATE-----\nMIIB\n-----BEGIN PUBLIC KEY-----\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ\n",
    b"HostKey /etc/ssh/ssh_host_ed25519_key\nPrivateKey = \nAuthorization: Bearer\n",
    b"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    b"123456-123456-123456 S-1-5-21-1111111111-2222222222-3333333333-1001",
    bytes(range(256)) * 8,
)


@pytest.mark.parametrize("name", CANARIES)
def test_a_secret_is_found_wherever_it_stands(name: str) -> None:
    kind, secret = CANARIES[name]
    for around in (
        b"%b",
        b"password=%b\n",
        b"a\n%b\nb\n",
        b'{"l":"x","v":"%b"}\n',
        b"\xff\xfe%b\x00",
        b"x" * 70_000 + b"\n%b",
    ):
        data = around % secret
        if name in ("des", "pwdump") and not data.startswith((secret, b"a\n", b"x")):
            continue  # known by the line that they stand in
        assert secret_in(data) == kind
    assert secret_in(secret.decode().encode("utf-16")) == kind
    assert secret_in(secret.decode().encode("utf-16-be")) == kind


@pytest.mark.parametrize("name", CANARIES)
def test_the_section_that_holds_a_secret_is_named(name: str) -> None:
    kind, secret = CANARIES[name]
    for data in (secret, secret.decode().encode("utf-16")):
        for held in (Capture("held", data, b"", 0), Capture("held", b"", data, 0)):
            sent = {
                "before": Capture("before", b"word0", b"", 0),
                "held": held,
                "after": Capture("after", b"0", b"", 0),
            }
            assert sections_with_secrets(sent) == {"held": kind}


@pytest.mark.parametrize("data", HARMLESS)
def test_what_is_harmless_is_kept(data: bytes) -> None:
    assert secret_in(data) is None


def test_no_recorded_capture_looks_like_a_secret() -> None:
    cases = all_cases()
    assert len(cases) > 1000
    found = [
        (case.probe_id, case.name, kind)
        for case in cases
        if (kind := secret_in(case.capture.stdout) or secret_in(case.capture.stderr))
    ]
    assert found == []
