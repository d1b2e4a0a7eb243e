"""Which local accounts have the powers of root.

Reads: /etc/passwd (passwd(5)).
Needs: nothing.
Facts: uid_zero_accounts, the names of all accounts with user id 0, in file order; a NIS line (`+`) counts by its text.
Absent when: /etc/passwd cannot be read.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes.output import read

PASSWD = "/etc/passwd"  # noqa: S105  a path
SCRIPT = f"files {PASSWD}"
FACTS = {"uid_zero_accounts": {"type": "array", "items": {"type": "string"}}}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the accounts with user id 0; the kernel knows no other root.

    As the C library does, white space before a name is passed over, and so are lines that begin with `#`.
    """
    lines = [line.lstrip() for line in read(capture).files.get(PASSWD, "").split("\n")]
    entries = [(number, line.split(":")) for number, line in enumerate(lines, 1) if line and line[0] != "#"]
    if not entries:
        return Observation.not_collected(f"{PASSWD} is empty or cannot be read")
    short = [number for number, fields in entries if len(fields) < 4 and not fields[0].startswith(("+", "-"))]
    if short:
        return Observation.error(f"{PASSWD}:{short[0]}: not a line of passwd(5)")
    roots = [(number, fields[0]) for number, fields in entries if _is_root(fields)]
    where = ", ".join(f"{PASSWD}:{number}" for number, _ in roots) or PASSWD
    return Observation.of({"uid_zero_accounts": [name for _, name in roots]}, {"uid_zero_accounts": where})


def _is_root(fields: list[str]) -> bool:
    """Whether a line gives user id 0: atoi(3) as glibc reads it, so `00` and ` 0` count too; NIS lines may set it."""
    uid = fields[2].strip() if len(fields) > 2 else ""
    return uid.lstrip("+-").isdigit() and int(uid) % 2**32 == 0


PROBE = Probe(
    id="linux.accounts",
    title="Accounts with the powers of root",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=10,
    max_bytes=1024 * 1024,
)
