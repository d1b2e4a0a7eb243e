"""What tests install once: in the user's cache, in a folder that is named after what is in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from tests.tools import need


def once(name: str, pinned: bytes, install: Callable[[Path], str]) -> Path:
    """Return the folder that `install` has filled, at most once for the same pinned bytes.

    `install` gets an empty folder and returns "" or what went wrong; then the running test is skipped (in CI: fails).
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hardencheck-tests"
    done = home / f"{name}-{hashlib.sha256(pinned).hexdigest()[:16]}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_dir():
            fresh = Path(mkdtemp(dir=home, prefix="new-"))
            if trouble := install(fresh):
                shutil.rmtree(fresh)
                need(trouble)
            fresh.rename(done)
    return done
