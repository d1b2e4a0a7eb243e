"""The simulator against the real libpam: the same stacks, the same answers of modules, the same verdict.

libpam (1.4 and later) takes its service files from any directory through pam_start_confdir(3), and pam_debug(8) returns
what its arguments say, so nothing of this machine's configuration is touched. pam_faillock keeps its books in the
test's own directory.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import pwd
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.model.probe import System
from hardencheck.probes.linux.account_lockout import Lock, study
from hardencheck.probes.linux.pam import RETURN_CODES, Configuration, Handler
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.output import Output, Run

_USER = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
# included files are named with their directory: Debian's libpam looks for others in /etc/pam.d whatever it was told
_PAM_D = "/etc/pam.d"
_MODULES = {"pam_debug.so", "pam_permit.so", "pam_deny.so", "pam_faillock.so", "pam_unix.so"}


class _Response(ctypes.Structure):
    _fields_ = (("resp", ctypes.c_char_p), ("resp_retcode", ctypes.c_int))


_CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p
)


class _Conversation(ctypes.Structure):
    _fields_ = (("conv", _CONVERSE), ("appdata", ctypes.c_void_p))


class Oracle:
    """The real libpam with the service files of one directory."""

    def __init__(self, library: Any, directory: Path) -> None:
        self._pam, self._directory = library, directory
        self._libc = ctypes.CDLL(None)
        self._libc.calloc.restype = ctypes.c_void_p
        self._conversation = _Conversation(_CONVERSE(self._answer), None)

    def _answer(self, count: int, _messages: int, answers: Any, _data: int) -> int:
        answers[0] = self._libc.calloc(count, ctypes.sizeof(_Response))
        return 0

    def authenticate(self, service: str) -> str:
        """Return the return code of pam_authenticate(3)."""
        handle = ctypes.c_void_p()
        started = self._pam.pam_start_confdir(
            service.encode(),
            _USER.encode(),
            ctypes.byref(self._conversation),
            str(self._directory).encode(),
            ctypes.byref(handle),
        )
        if started != 0:
            return RETURN_CODES[started]
        silent = 0x8000
        status = self._pam.pam_authenticate(handle, silent)
        self._pam.pam_end(handle, status)
        return RETURN_CODES[status]


def _library() -> Any:
    name = ctypes.util.find_library("pam")
    library = ctypes.CDLL(name) if name else None
    if library is None or not hasattr(library, "pam_start_confdir"):
        pytest.skip("libpam 1.4 or later is not installed here")
    found = [path.name for pattern in ("*/security", "security") for path in Path("/usr/lib").glob(f"{pattern}/*.so")]
    if not {"pam_debug.so", "pam_faillock.so"} <= set(found):
        pytest.skip("pam_debug or pam_faillock is not installed here")
    return library


@pytest.fixture(scope="module")
def oracle() -> Callable[[dict[str, str]], Oracle]:
    library = _library()
    directory = Path(tempfile.mkdtemp())

    def prepare(files: dict[str, str]) -> Oracle:
        for old in directory.iterdir():
            if old.is_file():
                old.unlink()
        for name, body in files.items():
            (directory / name).write_text(body.replace(_PAM_D, str(directory)))
        return Oracle(library, directory)

    return prepare


def configuration(files: dict[str, str], system: str = "debian") -> Configuration:
    """Return the configuration that our reader sees for these files of /etc/pam.d."""
    output = Output()
    output.runs["pam.d"] = Run("/etc/pam.d/\n" + "\n".join(files), 0)
    output.runs["modules"] = Run("/lib/security:\n" + "\n".join(_MODULES), 0)
    output.files.update({f"/etc/pam.d/{name}": body for name, body in files.items()})
    return Configuration(output, System(distribution=system))


def debug_module(handler: Handler) -> str:
    """Answer as pam_debug does."""
    fixed = {"pam_permit": "success", "pam_deny": "auth_err"}
    return fixed.get(handler.module) or handler.option("auth") or "success"


def simulated(files: dict[str, str]) -> str:
    """Return what the simulator says of the service `svc`."""
    stack = configuration(files).stack("svc", "auth")
    return "abort" if stack.denied.startswith("/") else dispatch(stack.handlers, debug_module)


_CODES = st.sampled_from(
    ["success", "success", "auth_err", "ignore", "user_unknown", "new_authtok_reqd", "perm_denied", "maxtries"]
)
_ACTIONS = st.sampled_from(["ok", "done", "bad", "die", "reset", "ignore", "1", "2", "3"])
_PAIRS = st.dictionaries(st.one_of(_CODES, st.just("default")), _ACTIONS, min_size=1, max_size=4)
_CONTROLS = st.one_of(
    st.sampled_from(["required", "requisite", "sufficient", "optional", "REQUIRED", "nonsense", "[success=0]", "[bad"]),
    _PAIRS.map(lambda pairs: "[" + " ".join(f"{code}={action}" for code, action in pairs.items()) + "]"),
)
_MODULE_LINES = st.builds(
    lambda prefix, control, module, gap: f"{prefix}auth {control}{gap}{module}",
    st.sampled_from(["", "", "-"]),
    _CONTROLS,
    st.one_of(
        _CODES.map(lambda code: f"pam_debug.so auth={code}"),
        st.sampled_from(["pam_permit.so", "pam_deny.so", "pam_not_there.so", "pam_debug", ""]),
    ),
    st.sampled_from([" ", "\t", " \\\n  ", " \\\n# between\n "]),
)
_NOISE = st.sampled_from(
    [
        "# a comment",
        "   ",
        "account required pam_deny.so",
        "auth",
        "auths required pam_permit.so",
        "auth required pam_permit.so # auth required pam_deny.so",
    ]
)


def _body(*including: str) -> st.SearchStrategy[str]:
    line = st.one_of(_MODULE_LINES, _MODULE_LINES, _MODULE_LINES, _NOISE, *([st.sampled_from(including)] * 2))
    return st.lists(line, min_size=1, max_size=6).map(lambda lines: "\n".join(lines) + "\n")


_LEAF = st.one_of(
    _body(f"auth include {_PAM_D}/missing"),
    _body(f"auth include {_PAM_D}/missing"),
    st.just("auth required pam_permit.so \\"),
)
_INNER = _body(f"auth include {_PAM_D}/c", f"auth substack {_PAM_D}/c", f"auth substack {_PAM_D}/missing")
# `include` without a name is left out: Debian's libpam crashes on it
_TOP = _body(
    f"auth include {_PAM_D}/b", f"auth substack {_PAM_D}/b", f"auth substack {_PAM_D}/c", f"auth include {_PAM_D}/c"
)


@settings(max_examples=400, derandomize=True, database=None)
@given(top=_TOP, inner=_INNER, leaf=_LEAF)
def test_the_simulator_agrees_with_libpam(
    oracle: Callable[[dict[str, str]], Oracle], top: str, inner: str, leaf: str
) -> None:
    files = {"svc": top, "b": inner, "c": leaf}
    assert simulated(files) == oracle(files).authenticate("svc")


_TRIED = 6  # wrong passwords after which a stack is said never to lock
_ROW = struct.Struct("=52sHHQ")  # one failure in pam_faillock's books; the last field is its time


class Account:
    """A real account's failures, with the real pam_faillock; pam_debug stands for pam_unix."""

    def __init__(self, oracle: Callable[[dict[str, str]], Oracle], body: str, directory: Path) -> None:
        self._books = directory / "books"
        (directory / "empty.conf").touch()
        lines = body.replace(
            "pam_faillock.so", f"pam_faillock.so conf={directory}/empty.conf nodelay dir={self._books}"
        )
        self._real = oracle(
            {
                "right": lines.replace("pam_unix.so", "pam_debug.so auth=success"),
                "wrong": lines.replace("pam_unix.so", "pam_debug.so auth=auth_err"),
            }
        )

    def refuses_after(self, attempts: int, elapsed: int = 0) -> bool:
        """Return whether the right password is refused after so many wrong ones and so many seconds."""
        shutil.rmtree(self._books, ignore_errors=True)
        self._books.mkdir()
        for _ in range(attempts):
            assert self._real.authenticate("wrong") != "success"
        for book in self._books.iterdir():
            rows = [(*row[:3], row[3] - elapsed) for row in _ROW.iter_unpack(book.read_bytes())]
            book.write_bytes(b"".join(_ROW.pack(*row) for row in rows))
        return self._real.authenticate("right") != "success"


def really(account: Account, unlock_times: list[int]) -> Lock | None:
    """Return what libpam and pam_faillock do; None for a stack that never locks or never lets in."""
    if account.refuses_after(0):
        return None
    after = next((count for count in range(1, _TRIED + 1) if account.refuses_after(count)), None)
    if after is None:
        return None
    return Lock(after, next((time for time in sorted(unlock_times) if not account.refuses_after(after, time + 2)), 0))


PREAUTH, REQUISITE = "required pam_faillock.so preauth deny=3", "requisite pam_faillock.so preauth deny=3"
DIE, SUCC = "[default=die] pam_faillock.so authfail deny=3", "pam_faillock.so authsucc deny=3"
UNIX, DENY, PERMIT = "sufficient pam_unix.so", "required pam_deny.so", "required pam_permit.so"
LAYOUTS: dict[str, tuple[str, ...]] = {
    "no lines": ("required pam_unix.so",),
    "manual page": (PREAUTH, UNIX, DIE, DENY),
    "requisite": (REQUISITE, UNIX, DIE),
    "debian": (REQUISITE, "[success=2 default=ignore] pam_unix.so", DIE, DENY, PERMIT),
    "debian, authsucc": (PREAUTH, "[success=1 default=bad] pam_unix.so", DIE, f"sufficient {SUCC}", PERMIT),
    "jump is too long": (PREAUTH, "[success=3 default=ignore] pam_unix.so", DIE, DENY),
    "built-in values": ("required pam_faillock.so preauth", UNIX, "[default=die] pam_faillock.so authfail"),
    "authfail alone": (UNIX, DIE, DENY),
    "authfail, authsucc": ("[success=1 default=bad] pam_unix.so", DIE, f"required {SUCC}"),
    "authfail, authsucc sufficient": ("[success=1 default=bad] pam_unix.so", DIE, f"sufficient {SUCC}", PERMIT),
    "pam_unix before preauth": (UNIX, PREAUTH, DIE, DENY),
    "preauth optional": ("optional pam_faillock.so preauth deny=3", UNIX, DIE, DENY),
    "preauth denies later": ("required pam_faillock.so preauth deny=5", UNIX, DIE, DENY),
    "preauth allows much": ("required pam_faillock.so preauth deny=50", UNIX, DIE, DENY),
    "authfail allows much": (PREAUTH, UNIX, "[default=die] pam_faillock.so authfail deny=50"),
    "authfail does not end the stack": (PREAUTH, UNIX, "optional pam_faillock.so authfail deny=9", DIE),
    "deny 0": ("required pam_faillock.so preauth deny=0", UNIX, DIE),
    "never unlocks": ("required pam_faillock.so preauth deny=2 unlock_time=never", UNIX, DIE),
    "unlock time is not taken": ("required pam_faillock.so preauth deny=2 unlock_time=604801", UNIX, DIE),
    "deny is no number": ("required pam_faillock.so preauth deny=x", UNIX, DIE),
    "deny with rubbish": ("required pam_faillock.so preauth deny=2x", UNIX, DIE),
    "failures never count together": ("required pam_faillock.so preauth deny=2 fail_interval=0", UNIX, DIE),
    "authsucc forgets on the way": (
        PREAUTH,
        "[success=3 default=ignore] pam_unix.so",
        "optional pam_faillock.so authfail deny=3",
        "optional pam_faillock.so authsucc deny=9",
        "requisite pam_deny.so",
        PERMIT,
    ),
    "the word preauth forgotten": ("required pam_faillock.so deny=2", UNIX, DIE),
}
_UNLOCK_TIMES = [600]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_lockout_agrees_with_pam_faillock(
    oracle: Callable[[dict[str, str]], Oracle], tmp_path: Path, layout: str
) -> None:
    body = "".join(f"auth {line}\n" for line in LAYOUTS[layout])
    found = study(configuration({"svc": body}).stack("svc", "auth"), None)
    expected = really(Account(oracle, body, tmp_path), _UNLOCK_TIMES)
    if expected is None:
        assert found.lock is None or found.lock.after > _TRIED
    else:
        assert found.lock == expected


_CONTROL = st.sampled_from(
    ["required", "requisite", "sufficient", "optional", "[default=die]"]
    + [f"[success={count} default={word}]" for count, word in ((1, "ignore"), (1, "bad"), (2, "ignore"))]
)
_COUNTING = [f"pam_faillock.so {word} deny={deny}" for word in ("preauth", "authfail", "authsucc") for deny in (2, 3)]
_MODULE = st.sampled_from([*_COUNTING, "pam_unix.so", "pam_unix.so", "pam_unix.so", "pam_deny.so", "pam_permit.so"])
_LINE = st.builds("auth {} {}\n".format, _CONTROL, _MODULE)


@settings(max_examples=120, derandomize=True, database=None)
@given(lines=st.lists(_LINE, min_size=2, max_size=6))
def test_any_order_of_lines_agrees_with_pam_faillock(
    oracle: Callable[[dict[str, str]], Oracle], lines: list[str]
) -> None:
    body = "".join(lines)
    found = study(configuration({"svc": body}).stack("svc", "auth"), None)
    with tempfile.TemporaryDirectory() as directory:
        account = Account(oracle, body, Path(directory))
        if found.lock:
            assert really(account, _UNLOCK_TIMES) == found.lock
        elif found.open.startswith("the right"):
            assert really(account, _UNLOCK_TIMES) is None
