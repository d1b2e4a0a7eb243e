"""login.defs as its two readers take it: against the real useradd, and against libpam's own search."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux.login_defs import MAIN, Setting, number, search_key, shadow_setting
from hardencheck.probes.output import Output, Run

_NAMES = st.sampled_from(["PASS_MAX_DAYS", "PASS_MAX_DAYS", "pass_max_days", "#PASS_MAX_DAYS", "PASS_MIN_DAYS", ""])
_GAPS = st.sampled_from([" ", "\t", "  ", "=", " = ", ""])
_VALUES = st.sampled_from(
    [
        "60",
        "060",
        "090",
        "0x3c",
        "0X3C",
        "0",
        "-1",
        "-5",
        "+7",
        "60x",
        "60 # days",
        '"45"',
        '"45',
        "99999999999",
        "",
        "x",
    ]
)
_TEXTS = st.lists(
    st.builds(
        "{}{}{}{}{}".format, st.sampled_from(["", " ", "\t"]), _NAMES, _GAPS, _VALUES, st.sampled_from(["", " "])
    ),
    min_size=0,
    max_size=4,
).map(lambda lines: "".join(f"{line}\n" for line in lines))
LONG = ["#" + "x" * 1022 + "PASS_MAX_DAYS 60\n", "#" + "x" * 1023 + "PASS_MAX_DAYS 60\n", "PASS_MAX_DAYS 60"]


def ours(text: str) -> int:
    """Return the limit that we say a new account gets."""
    output = Output(files={MAIN: text})
    output.runs["shadow_programs"] = Run("useradd\nlibeconf 1\n", 0)
    return number(shadow_setting(output, "PASS_MAX_DAYS"), -1)


def real(text: str, directory: Path) -> int:
    """Return the limit that the real useradd writes into a directory of its own."""
    etc = directory / "etc"
    etc.mkdir(exist_ok=True)
    for name in ("passwd", "shadow", "group", "gshadow"):
        (etc / name).write_text("")
    (etc / "login.defs").write_text(text)
    command = ["useradd", "--prefix", str(directory), "-M", "-N", "-g", "0", "newcomer"]
    (etc / "group").write_text("root:x:0:\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    fields = (etc / "shadow").read_text().split(":")
    assert fields[0] == "newcomer", done.stderr
    return int(fields[4] or -1)


@pytest.fixture(scope="module")
def directory() -> Path:
    if not shutil.which("useradd") or os.getuid() != 0:
        pytest.skip("useradd is not installed here, or this is not root")
    found = Path(tempfile.mkdtemp())
    try:
        real("PASS_MAX_DAYS 60\n", found)
    except AssertionError as error:
        pytest.skip(f"this useradd cannot work in a directory of its own: {error}")
    return found


@pytest.mark.parametrize("text", LONG)
def test_long_lines_agree_with_useradd(directory: Path, text: str) -> None:
    assert ours(text) == real(text, directory)


@settings(max_examples=80, derandomize=True, database=None)
@given(text=_TEXTS)
def test_any_lines_agree_with_useradd(directory: Path, text: str) -> None:
    assert ours(text) == real(text, directory)


@pytest.fixture(scope="module")
def search() -> Any:
    name = ctypes.util.find_library("pam")
    library = ctypes.CDLL(name) if name else None
    if library is None or not hasattr(library, "pam_modutil_search_key"):
        pytest.skip("libpam is not installed here")
    library.pam_modutil_search_key.restype = ctypes.c_char_p
    return library.pam_modutil_search_key


@settings(max_examples=300, derandomize=True, database=None)
@given(text=_TEXTS)
def test_any_lines_agree_with_libpams_search(search: Any, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".defs") as file:
        file.write(text)
        file.flush()
        found = search(None, file.name.encode(), b"PASS_MAX_DAYS")
    expected = None if found is None else found.decode()
    assert search_key(text, "PASS_MAX_DAYS", MAIN).value == expected


@given(text=st.text())
def test_hostile_values_are_no_numbers_but_never_crash(text: str) -> None:
    assert isinstance(number(Setting(text), -1), int)
    assert isinstance(ours(text), int)
