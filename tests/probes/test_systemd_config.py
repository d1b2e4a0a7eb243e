"""How systemd's programs merge their files: which count, in which order, and what a line is."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux import systemd_config
from hardencheck.probes.output import Output
from tests.tools import need_program

ETC, RUN, LOCAL, USR = (f"{base}/systemd" for base in ("/etc", "/run", "/usr/local/lib", "/usr/lib"))


def values(files: dict[str, str], key: str = "A") -> list[str]:
    return [setting.value for setting in systemd_config.read(files, "x").all("S", key)]


def test_dropins_come_after_the_main_file_in_the_order_of_their_names() -> None:
    files = {
        f"{ETC}/x.conf.d/20.conf": "[S]\nA=etc-20\n",
        f"{USR}/x.conf.d/90.conf": "[S]\nA=usr-90\n",
        f"{RUN}/x.conf.d/10.conf": "[S]\nA=run-10\n",
        f"{ETC}/x.conf": "[S]\nA=main\n",
    }
    assert values(files) == ["main", "run-10", "etc-20", "usr-90"]


def test_the_strongest_directory_masks_the_same_name() -> None:
    files = {f"{base}/x.conf.d/10.conf": f"[S]\nA={base}\n" for base in (USR, LOCAL, RUN, ETC)}
    assert values(files) == [ETC]
    del files[f"{ETC}/x.conf.d/10.conf"]
    assert values(files) == [RUN]
    assert values({**files, f"{ETC}/x.conf.d/10.conf": ""}) == []


def test_one_main_file_counts() -> None:
    assert values({f"{USR}/x.conf": "[S]\nA=usr\n", f"{ETC}/x.conf": "[S]\nB=1\n"}) == []
    assert values({f"{USR}/x.conf": "[S]\nA=usr\n"}) == ["usr"]


@pytest.mark.parametrize("name", ["10.conf.bak", "10", ".10.conf", "10.CONF"])
def test_other_names_are_not_read(name: str) -> None:
    assert values({f"{ETC}/x.conf.d/{name}": "[S]\nA=1\n"}) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[S]\nA=1\nA=2\n", ["1", "2"]),
        ("[S]\nA=1\nA=\n", ["1", ""]),
        ("[S]\n  A = 1 \n", ["1"]),
        ("[S]\n#A=1\n ;A=2\n", []),
        ("[S]\nA=1 # 2\n", ["1 # 2"]),
        ("[S]\nA=1 \\\n# comment\n  2\n", ["1    2"]),
        ("[S]\nA=1\\\\\nB=2\n", ["1\\\\"]),
        ("[T]\nA=1\n[S]\nA=2\n[T]\nA=3\n[S]\nA=4\n", ["2", "4"]),
        ("A=1\n[S]\na=2\n", []),
        ("[S]\njunk\nA=1\n", ["1"]),
        ("\ufeff[S]\r\nA=1\r\n", ["1"]),
        ("[S]\nA=1\\", ["1"]),
    ],
)
def test_lines(text: str, found: list[str]) -> None:
    assert values({f"{ETC}/x.conf": text}) == found


def test_a_broken_section_header_stops_everything() -> None:
    config = systemd_config.read({f"{ETC}/x.conf": "[S]\nA=1\n[T\nA=2\n", f"{ETC}/x.conf.d/1.conf": "[S]\nA=3\n"}, "x")
    assert "x.conf:3" in config.unclear


def test_masks_and_closed_files_of_a_host() -> None:
    output = Output(files={f"{USR}/x.conf.d/1.conf": "[S]\nA=1\n", f"{ETC}/y.conf": "[S]\nA=9\n"})
    output.special = {f"{ETC}/x.conf.d/1.conf"}
    assert systemd_config.of(output, "x") == systemd_config.Config({})
    output.special = set()
    setting = systemd_config.of(output, "x").last("S", "A")
    assert setting == systemd_config.Setting("1", f"{USR}/x.conf.d/1.conf:2")
    output.unreadable = {f"{ETC}/x.conf.d"}
    assert f"{ETC}/x.conf.d" in systemd_config.of(output, "x").unclear


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("900", 900.0),
        ("15min", 900.0),
        ("1h 30min", 5400.0),
        ("1h30m", 5400.0),
        ("2w", 1209600.0),
        ("1M", 2629800.0),
        ("500ms", 0.5),
        ("infinity", float("inf")),
        ("0", 0.0),
        ("1.5min", 90.0),
        ("", None),
        ("15 minuten", None),
        ("-5", None),
        ("min", None),
    ],
)
def test_time_spans(text: str, seconds: float | None) -> None:
    assert systemd_config.seconds(text) == seconds


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                f"{base}/x.conf{tail}"
                for base in (ETC, RUN, LOCAL, USR)
                for tail in ("", ".d/1.conf", ".d/2.conf", ".d/3")
            ]
        ),
        st.sampled_from(["[S]\nA=1\n", ""]),
        max_size=6,
    )
)
def test_files_and_their_order_agree_with_systemd(files: dict[str, str]) -> None:
    need_program("systemd-analyze")
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = Path(root + path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        command = ["systemd-analyze", f"--root={root}", "--no-pager", "cat-config", "systemd/x.conf"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        shown = [line.removeprefix(f"# {root}") for line in done.stdout.splitlines() if line.startswith(f"# {root}/")]
    mine = systemd_config.effective_files(files, "x")
    main = [path for path in mine if path.endswith("/x.conf")]
    if main == [f"{ETC}/x.conf"] or not any(path.endswith("/x.conf") for path in files):  # older versions know no other
        assert shown == mine


@pytest.mark.parametrize(
    "text", ["900", "15min", "1h 30min", "1h30m", "2w 3d", "1.5min", "500ms", "15 minuten", "min", "3 M", "2y"]
)
def test_time_spans_agree_with_systemd(text: str) -> None:
    need_program("systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "timespan", text], capture_output=True, text=True, timeout=30, check=False
    )
    micro = [int(line.rpartition(":")[2]) for line in done.stdout.splitlines() if "s:" in line]
    mine = systemd_config.seconds(text)
    assert (None if mine is None else round(mine * 1e6)) == (micro[0] if done.returncode == 0 else None), done.stdout
