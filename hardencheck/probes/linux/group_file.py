"""The groups of /etc/group and who is in them: members by name, and accounts whose first group it is."""

from __future__ import annotations

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.output import Output

#: Field 2 may hold a hash and stays on the host.
SCRIPT = r"""
group_members() { awk -F: '/^[^#]/ && NF >= 4 { print $1 ":" $3 ":" $4 }' /etc/group; }
run groups group_members
"""


def groups(output: Output) -> dict[str, set[str]]:
    """Return each group's members by name; needs the lines of /etc/passwd as local_accounts writes them.

    Raises CaptureUnreadable when /etc/group was not read.
    """
    found: dict[str, set[str]] = {}
    names: dict[str, list[str]] = {}
    run = output.run("groups")
    if run.status != 0 or not run.text.strip():
        raise CaptureUnreadable(f"/etc/group could not be read (exit status {run.status})")
    for line in run.text.split("\n"):
        name, _, rest = line.partition(":")
        number, _, members = rest.partition(":")
        if name and not name.startswith(("+", "-")):
            found.setdefault(name, set()).update(member.strip() for member in members.split(",") if member.strip())
            names.setdefault(number, []).append(name)
    for line in output.run("passwd").text.split("\n"):
        cells = line.split(":")
        for name in names.get(cells[3], []) if len(cells) > 3 else []:
            found[name].add(cells[0])
    return found


def numbers(output: Output) -> dict[str, int]:
    """Return each group's number; a group whose number cannot be read is left out."""
    rows = [line.split(":") for line in output.run("groups").text.split("\n")]
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[1].isascii() and row[1].isdigit()}


def memberships(output: Output) -> dict[str, set[str]]:
    """Return the groups that each account is in."""
    found: dict[str, set[str]] = {}
    for name, members in groups(output).items():
        for member in members:
            found.setdefault(member, set()).add(name)
    return found
