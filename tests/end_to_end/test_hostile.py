"""Hosts that flood, hang, drip, lie and send escape codes harm nobody but themselves."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command
from tests.lab.lab import Host, Lab

GOOD = 10
#: what the login shell of the scan account does instead of running commands
SHELLS = {
    "flood": "yes 'HC1 00000000000000000000000000000000 linux.accounts 4'",
    "stderr": "yes >&2",
    "hang": "sleep 600",
    "drip": "while :; do printf x; sleep 0.3; done",
    "garbage": "head -c 300000 /dev/urandom",
    "nothing": ":",
    "forge": r"""
        while IFS='=' read -r word nonce && [ "$word" != nonce ]; do :; done
        content=$(printf 'root:x:0:0::/:\n\033]0;owned\007\033[31mtoor\302\233:x:0:0:=cmd()|evil\377:/:\n')
        body=$(printf '@files 1\n%s /etc/passwd\n%s\n@end\nrc=0000004' "${#content}" "$content")
        printf 'HC1 %s linux.accounts %s\n%s\n' "$nonce" "${#body}" "$body"
        printf 'HC1 %s linux.nonsense 1\nx\n' "$nonce"
        printf 'HC1 %s end 999\n' "$nonce"
    """,
}
BANNER = """
import socket, threading
server = socket.create_server(("127.0.0.1", 2222))
print("ready", flush=True)
def flood(peer):
    try:
        while True:
            peer.sendall(b"SSH banners may be preceded by lines \\x1b[31m\\r\\n" * 100)
    except OSError:
        pass
while True:
    peer, _ = server.accept()
    threading.Thread(target=flood, args=(peer,), daemon=True).start()
"""


@pytest.fixture
def endless_banner(lab: Lab) -> Iterator[None]:
    """A server on the controller's port 2222 that never comes to its SSH banner."""
    server = subprocess.Popen([*lab.exec_prefix, sys.executable, "-c", BANNER], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def make_hostile(lab: Lab, host: Host, script: str) -> None:
    """Give the scan account of a host a login shell that does its worst."""
    lab.run_in(host, "sh", "-c", "cat >/usr/local/bin/evil; chmod 755 /usr/local/bin/evil",
               stdin=f"#!/bin/bash\nexport LC_ALL=C\n{textwrap.dedent(script)}\n")  # fmt: skip
    lab.run_in(host, "usermod", "-s", "/usr/local/bin/evil", "svc_hc")


def test_one_hostile_host_of_each_kind_among_good_ones(
    lab: Lab, command: Command, tailoring: Path, tmp_path: Path, endless_banner: None
) -> None:
    fleet = lab.fleet(GOOD + len(SHELLS), "good")
    good, evil = fleet[:GOOD], fleet[GOOD:]
    sweep = ("sweep", "--tailoring", tailoring, "--format", "json")
    clean = command(*sweep, "-i", lab.inventory_of(*good), prefix=lab.exec_prefix)

    for host, script in zip(evil, SHELLS.values(), strict=True):
        make_hostile(lab, host, script)
    inventory = tmp_path / "mixed.ini"
    text = lab.inventory_of(*fleet).read_text()
    inventory.write_text(text.replace("[linux]\n", "[linux]\nbanner ansible_host=127.0.0.1 ansible_port=2222\n", 1))
    done = command(*sweep, "-i", inventory, "--deadline", 20, prefix=lab.exec_prefix)

    assert done.code & 2, "the sweep is incomplete"
    for host in good:
        assert done.host(host.name)["results"] == clean.host(host.name)["results"]
        assert done.host(host.name)["state"] == clean.host(host.name)["state"]

    names = dict(zip(SHELLS, (host.name for host in evil), strict=True))
    for kind, name in {**names, "banner": "banner"}.items():
        host_result = done.host(name)
        assert host_result["state"] in ("unreachable", "partial"), kind
        assert host_result["duration"] <= 25, f"{kind} ends with its deadline"
        passes = [r["rule_id"] for r in host_result["results"] if r["outcome"] == "pass"]
        assert not passes, f"{kind}: nobody looked, so nothing passes: {passes}"
    assert done.outcomes(names["forge"])["linux-accounts-only-root-uid-zero"] == "fail"

    for form in ("table", "csv", "json"):
        out = command("report", "--format", form).out
        assert not [char for char in out if (ord(char) < 32 and char not in "\n\r") or 127 <= ord(char) < 160], form
    page = command("host", "show", names["forge"]).out
    assert "\\x1b[31mtoor" in page
    assert not [char for char in page if ord(char) < 32 and char != "\n"]
