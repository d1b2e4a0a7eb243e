"""Our reading of dconf's databases and profiles, against databases that the real dconf compiled and reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.probes.linux import dconf, gvdb
from hardencheck.probes.output import Output, Run
from tests.tools import need_program

IDLE = "/org/gnome/desktop/session/idle-delay"
LOCK = "/org/gnome/desktop/screensaver/lock-enabled"


def compiled(directory: Path, name: str, keys: str, locks: str) -> bytes:
    """Compile one database with the real dconf and return its bytes."""
    source = directory / f"{name}.d"
    (source / "locks").mkdir(parents=True)
    (source / "00-site").write_text(keys, encoding="utf-8")
    (source / "locks" / "00-site").write_text(locks, encoding="utf-8")
    subprocess.run(["dconf", "compile", directory / name, source], check=True, timeout=30)
    return (directory / name).read_bytes()


def settings(
    databases: dict[str, bytes], profile: str, files: dict[str, str] | None = None, closed: str = ""
) -> dconf.Settings:
    """Read databases (path -> bytes) as the script would have sent them."""
    runs = {f"dconf {path}": Run(data.hex(" "), 0) for path, data in databases.items()}
    output = Output(runs={"dconf-elsewhere": Run("", 0), "dconf-closed": Run(closed, 0), **runs})
    output.files = {"/etc/dconf/profile/user": profile}
    output.runs |= {f"key file {path}": Run(text, 0) for path, text in (files or {}).items()}
    return dconf.read(output)


def real(profile: Path, *words: str) -> str:
    environment = {
        **os.environ,
        "DCONF_PROFILE": str(profile),
        "HOME": str(profile.parent),
        "XDG_RUNTIME_DIR": str(profile.parent),
    }
    done = subprocess.run(["dconf", *words], env=environment, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("uint32 900", gvdb.Value("u", 900)),
        ("uint32 0", gvdb.Value("u", 0)),
        ("5", gvdb.Value("i", 5)),
        ("true", gvdb.Value("b", True)),
        ("false", gvdb.Value("b", False)),
        ("'text'", gvdb.Value("s", "text")),
        ("-3", gvdb.Value("i", -3)),
        ("1.5", gvdb.Value("d", 1.5)),
        ("uint64 7", gvdb.Value("t", 7)),
        ("int16 -2", gvdb.Value("n", -2)),
        ("['a', 'b']", gvdb.Value("as", None)),
        ("@mb true", gvdb.Value("mb", None)),
    ],
)
def test_values_of_a_compiled_database(tmp_path: Path, text: str, value: gvdb.Value) -> None:
    need_program("dconf")
    table = gvdb.read(compiled(tmp_path, "site", f"[a/b]\nkey={text}\n", "/a/b/key\n"))
    assert table.value("/a/b/key") == value
    assert table.value("/a/b/other") is None
    locks = table.table(".locks")
    assert locks is not None
    assert locks.keys == {"/a/b/key"}


@pytest.mark.parametrize("lower_locks", ["", f"{IDLE}\n", "/org/gnome/desktop/session/\n", f" {IDLE}\n", f"# {IDLE}\n"])
@pytest.mark.parametrize("upper_locks", ["", f"{IDLE}\n"])
@pytest.mark.parametrize("first", ["user-db:nobody\n", ""])
def test_values_and_locks_agree_with_dconf(tmp_path: Path, upper_locks: str, lower_locks: str, first: str) -> None:
    need_program("dconf")
    upper = compiled(tmp_path, "upper", "[org/gnome/desktop/session]\nidle-delay=uint32 300\n", upper_locks)
    lower = compiled(
        tmp_path,
        "lower",
        "[org/gnome/desktop/session]\nidle-delay=uint32 0\n[org/gnome/desktop/screensaver]\nlock-enabled=true\n",
        lower_locks,
    )
    profile = tmp_path / "profile"
    profile.write_text(
        f"{first}# a comment\nfile-db:{tmp_path}/upper\n  file-db:{tmp_path}/lower # last\n", encoding="utf-8"
    )
    mine = settings({f"{tmp_path}/upper": upper, f"{tmp_path}/lower": lower}, profile.read_text(encoding="utf-8"))
    for key in (IDLE, LOCK):
        value = mine.value(key)[0]
        assert real(profile, "read", key) == (str(value) if value else "")
        directory = key.rpartition("/")[0] + "/"
        locks = real(profile, "list-locks", directory).splitlines()
        # a profile that nobody can write to shows as a lock on the directory that was asked for
        assert bool(mine.locked(key)) == (key in locks or (not first and locks == [directory]))


def test_a_database_that_is_not_there_has_no_say() -> None:
    mine = settings({}, "user-db:user\nsystem-db:local\n")
    assert mine.value(IDLE)[0] is None
    assert not mine.locked(IDLE)


def test_key_files_that_are_not_compiled_are_not_in_force(tmp_path: Path) -> None:
    need_program("dconf")
    keys = "[org/gnome/desktop/session]\nidle-delay=uint32 300\n"
    data = compiled(tmp_path, "local", keys, f"{IDLE}\n")
    base = "/etc/dconf/db/local"
    profile = "user-db:user\nsystem-db:local\n"
    same = {f"{base}.d/00": keys, f"{base}.d/locks/00": f"{IDLE}\n"}
    assert settings({base: data}, profile, same).not_in_force(IDLE) == []
    later = {**same, f"{base}.d/99": "[org/gnome/desktop/session]\nidle-delay=uint32 0\n"}
    assert len(settings({base: data}, profile, later).not_in_force(IDLE)) == 1
    assert len(settings({base: data}, profile, {f"{base}.d/00": keys}).not_in_force(IDLE)) == 1
    assert len(settings({}, profile, same).not_in_force(IDLE)) == 2


@pytest.mark.parametrize("closed", ["/etc/dconf/db/local", "/etc/dconf/db", "/etc/dconf", "/etc/dconf/profile/user"])
def test_what_users_cannot_read_locks_nothing(tmp_path: Path, closed: str) -> None:
    need_program("dconf")
    data = compiled(tmp_path, "local", "[org/gnome/desktop/session]\nidle-delay=uint32 300\n", f"{IDLE}\n")
    profile = "user-db:user\nsystem-db:local\n"
    assert settings({"/etc/dconf/db/local": data}, profile).locked(IDLE)
    shut = settings({"/etc/dconf/db/local": data}, profile, closed=closed)
    assert not shut.locked(IDLE)
    assert shut.value(IDLE)[0] is None


@given(st.binary(max_size=300), st.integers(0, 400))
def test_damaged_files_are_refused_and_nothing_else_happens(junk: bytes, cut: int) -> None:
    header = b"GVariant" + bytes(8) + (24).to_bytes(4, "little") + (24 + len(junk)).to_bytes(4, "little")
    for data in (junk, header + junk, (header + junk)[:cut]):
        try:
            table = gvdb.read(data)
            for key in table.keys:
                table.value(key)
        except gvdb.Malformed:
            pass


def test_bytes_of_a_big_endian_machine() -> None:
    item = (
        b"\0\0\0\0"
        + b"\xff" * 4
        + (56).to_bytes(4, "little")
        + b"\2\0v\0"
        + (58).to_bytes(4, "little")
        + (64).to_bytes(4, "little")
    )
    body = b"raVGtnai" + bytes(8) + (24).to_bytes(4, "little") + (56).to_bytes(4, "little") + bytes(8) + item
    assert gvdb.read(body + b"/k" + b"\0\0\3\x84\0u").value("/k") == gvdb.Value("u", 900)
