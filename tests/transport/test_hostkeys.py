"""known_hosts as ssh(1) reads it, and writing pins; ssh-keygen -F is the referee."""

from __future__ import annotations

import base64
import os
import resource
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hardencheck.errors import ConfigurationError, HostKeyRejected, StoreError, UsageError
from hardencheck.transport.hostkeys import HostKey, KnownHosts, load, pinned
from hardencheck.transport.pins import pin


def key(number: int = 0, key_type: bytes = b"ssh-ed25519") -> HostKey:
    body = bytes([number]) * 32
    return HostKey(len(key_type).to_bytes(4) + key_type + len(body).to_bytes(4) + body)


K = f"ssh-ed25519 {key().base64}"


@pytest.mark.parametrize(
    ("names", "address", "port", "found"),
    [
        ("desk1", "desk1", 22, True),
        ("desk1", "DESK1", 22, True),
        ("Desk1", "desk1", 22, True),
        ("desk1", "desk1", 2222, False),
        ("[desk1]:2222", "desk1", 2222, True),
        ("[desk1]:2222", "desk1", 22, False),
        ("desk1,10.0.0.1,[desk1]:2222", "10.0.0.1", 22, True),
        ("desk1,10.0.0.1", "desk10", 22, False),
        ("desk?", "desk7", 22, True),
        ("*.corp.example", "a.corp.example", 22, True),
        ("*.corp.example", "corp.example", 22, False),
        ("*.corp.example,!bad.corp.example", "bad.corp.example", 22, False),
        ("!bad.corp.example,*.corp.example", "good.corp.example", 22, True),
        ("!desk1", "desk1", 22, False),
        ("[10.0.*]:*", "10.0.3.4", 2222, True),
        ("desk[12]", "desk1", 22, False),
        ("fe80::1", "fe80::1", 22, True),
    ],
)
def test_names_match_as_in_ssh(tmp_path: Path, names: str, address: str, port: int, found: bool) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"{names} {K} a comment\n")
    assert bool(pinned([path], address, port)) is found
    if shutil.which("ssh-keygen") is not None and address.islower():
        name = address if port == 22 else f"[{address}]:{port}"
        command = ["ssh-keygen", "-F", name, "-f", str(path)]
        referee = subprocess.run(command, check=False, capture_output=True, timeout=60)
        assert (referee.returncode == 0) is found


def test_hashed_names(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"desk1 {K}\n[desk2]:2222 {K}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, timeout=60, capture_output=True)
    assert [len(pinned([path], *place)) for place in (("desk1", 22), ("desk2", 2222), ("desk2", 22))] == [1, 1, 0]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("desk1", "expected: host names"),
        ("desk1 ssh-ed25519", "expected: host names"),
        ("desk1 ssh-ed25519 !!!", "not base64"),
        (f"desk1 ssh-rsa {key().base64}", "not of the type ssh-rsa"),
        (f"@sometimes desk1 {K}", "unknown marker @sometimes"),
        (f"|1|bad {K}", "hashed name"),
        (f"|1|AAAA|AAAA {K}", "hashed name"),
        (f"|2|{base64.b64encode(bytes(20)).decode()}|{base64.b64encode(bytes(20)).decode()} {K}", "hashed name"),
        ("desk1 2048 65537 1234567", "not"),
    ],
)
def test_malformed_line_is_named_and_vouches_for_nothing(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"# comment\n\n{line}\ndesk2 {K}\n")
    known = load(path)
    assert len(known.problems) == 1
    assert known.problems[0].startswith(f"{path}:3: ")
    assert why in known.problems[0]
    assert not known.find("desk1")
    assert known.find("desk2")[0].where == f"{path}:4"


def test_any_bytes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_bytes(b"\xff\x00\xfe\n" + f"desk1 {K}\r\n".encode() + os.urandom(500))
    assert load(path).find("desk1")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing") == KnownHosts()
    assert "cannot be read" in load(tmp_path).problems[0]


def test_change_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    assert not pinned([path], "desk1", 22)
    pin(path, "desk1", 22, key())
    assert pinned([path], "desk1", 22)
    assert path.stat().st_mode & 0o777 == 0o600


def test_long_plain_file_is_one_look_up(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text("".join(f"desk{number} {K}\n" for number in range(20_000)))
    known = load(path)
    assert (len(known.exact), known.hashed, known.patterns) == (20_000, [], [])
    assert load(path) is known, "the file is parsed once"


def test_pin_is_idempotent_and_keeps_other_types(tmp_path: Path) -> None:
    path = tmp_path / "sub/pins"
    assert pin(path, "desk1", 22, key())
    assert not pin(path, "DESK1", 22, key())
    assert pin(path, "desk1", 22, key(key_type=b"ecdsa-sha2-nistp256"))
    assert len(path.read_text().splitlines()) == 2


def test_pin_never_replaces_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "pins"
    pin(path, "desk1", 22, key(1))
    pin(path, "desk2", 22, key(1))
    with pytest.raises(HostKeyRejected, match=f"{path}:1"):
        pin(path, "desk1", 22, key(2))
    assert pin(path, "desk1", 22, key(2), replace=True)
    assert [found.key for found in pinned([path], "desk1", 22)] == [key(2)]
    assert [found.key for found in pinned([path], "desk2", 22)] == [key(1)]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["pins"]


def test_line_that_names_several_hosts_is_left_to_its_author(tmp_path: Path) -> None:
    path = tmp_path / "pins"
    path.write_text(f"desk1,desk2 {K}\n")
    with pytest.raises(ConfigurationError, match=f"{path}:1"):
        pin(path, "desk1", 22, key(2), replace=True)
    assert path.read_text() == f"desk1,desk2 {K}\n"


def test_torn_last_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "pins"
    path.write_text(f"desk1 {K}\ndesk2 ssh-ed")
    pin(path, "desk3", 22, key())
    assert pinned([path], "desk3", 22)


@pytest.mark.parametrize("address", ["", "a b", "a,b", "*", "a\nb", "#a", "@revoked", "|1|a|b"])
def test_address_that_would_mean_something_else(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError):
        pin(tmp_path / "pins", address, 22, key())
    assert not (tmp_path / "pins").exists()


@pytest.mark.parametrize(
    "blob", [b"", b"\0\0\0\3a\nb", b"\xff\xff\xff\xffx", key(key_type=b"ssh-ed25519-cert-v01@openssh.com").blob]
)
def test_key_that_is_none(tmp_path: Path, blob: bytes) -> None:
    with pytest.raises(UsageError):
        pin(tmp_path / "pins", "desk1", 22, HostKey(blob))


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pins"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: pin(path, f"desk{number}", 22, key(number)), range(100)))
    assert len(load(path).exact) == 100
    assert not load(path).problems


def test_where_no_key_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        pin(tmp_path / "file" / "known_hosts", "desk1", 22, key())


def test_a_key_that_was_written_in_part_is_not_pinned(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            pin(path, "desk1", 22, key())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == 20
    assert pin(path, "desk1", 22, key())
    assert [found.key for found in KnownHosts.read(path).find("desk1")] == [key()]
