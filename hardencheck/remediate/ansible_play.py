"""One run of ansible-playbook by ansible-runner in a private folder: started, bounded in time, ended for certain."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hardencheck.remediate.private import end_processes

#: How much of what ansible-playbook itself says is kept: why it did not start, when it did not.
_SAID = 2000
_ERROR = re.compile(r"^(\[ERROR\]|ERROR!|ansible-playbook: error)", re.MULTILINE)


def play(folder: Path, environment: Mapping[str, str], arguments: Sequence[str], timeout: float) -> str:
    """Run ansible-playbook and return why it ended before its end, empty when it did not.

    Nothing is left running, whatever happens. ansible-runner would write what tasks said to files, and hand on the
    user's whole environment: here it does neither.
    """
    from ansible_runner import Runner
    from ansible_runner.config.command import CommandConfig

    said: list[str] = []

    class Silent(Runner):  # type: ignore[misc]
        def event_callback(self, event_data: Mapping[str, object]) -> None:
            said.append(str(event_data.get("stdout", ""))[-_SAID:])
            del said[:-20]

    with open(os.devnull, "rb") as nothing, _alarm(timeout, lambda: end_processes(folder)) as rung:
        config = CommandConfig(
            input_fd=nothing,
            runner_mode="subprocess",
            private_data_dir=str(folder),
            suppress_env_files=True,
            quiet=True,
            fact_cache_type="memory",
            ident="run",
        )
        config.prepare_run_command("ansible-playbook", list(arguments))
        config.env = dict(environment)
        config.cwd = str(folder)
        config.suppress_output_file = True
        try:
            Silent(config).run()
        finally:
            end_processes(folder)
    if rung.is_set():
        return f"the playbook was stopped after {timeout:.0f} s"
    return _complaint("\n".join(said))


def _complaint(said: str) -> str:
    """Return what ansible-playbook gave as the reason for its end: from its first error on, else its last words."""
    error = _ERROR.search(said)
    return " ".join(said[error.start() :].split()) if error else " ".join(said.split())[-_SAID:]


@contextmanager
def _alarm(seconds: float, act: Callable[[], None]) -> Iterator[threading.Event]:
    """Act once the time is up, unless the block has ended; the event says whether it was so."""
    rung = threading.Event()

    def ring() -> None:
        rung.set()
        act()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield rung
    finally:
        timer.cancel()
        timer.join()
