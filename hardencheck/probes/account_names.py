r"""Which accounts in captures are people's: what is not of the system has somebody's name.

Linux: local accounts with a user id from 1000 on, members of groups and logins that come from elsewhere than the local
files. Windows: local accounts that it does not bring along, and the users among the administrators.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.probes import output, powershell
from hardencheck.probes.linux import last_logins
from hardencheck.probes.windows.accounts import sid_of
from hardencheck.probes.windows.builtin_accounts import is_default_name_of_any

#: useradd(8) gives people numbers from here on.
_FIRST = 1000
_NOBODY = 65534
#: Windows gives the accounts that it makes itself lower numbers (RIDs).
_FIRST_RID = 1000
#: After every login that a log without years may tell of.
_LATEST = datetime(9998, 1, 1, tzinfo=UTC)
_SYSTEM = frozenset(
    "root daemon bin sys adm sync shutdown halt mail operator games ftp nobody nfsnobody www-data "  # noqa: SIM905
    "system defaultaccount wdagutilityaccount defaultuser0 krbtgt public default".split()
) | {"all users", "default user"}


def is_system(name: str) -> bool:
    """Whether every machine may have an account of this name without there being such a person."""
    folded = name.strip().lower()
    return folded in _SYSTEM or is_default_name_of_any(folded)


def people_of(captures: Iterable[Capture]) -> frozenset[str]:
    r"""Return the names of people's accounts, as they are written (`ana.cruz`, `CORP\ana`)."""
    return frozenset(name for capture in captures for name in _names(capture) if not is_system(name))


def _names(capture: Capture) -> Iterator[str]:
    read = _of_windows if capture.probe_id.startswith("windows.") else _of_linux
    try:
        yield from read(capture)
    except CaptureUnreadable:  # then no result shows what is in it, either
        return


def _of_linux(capture: Capture) -> Iterator[str]:
    found = output.read(capture)
    lines = found.runs["passwd"].lines if "passwd" in found.runs else found.files.get("/etc/passwd", "").splitlines()
    rows = [line.strip().split(":") for line in lines if line[:1] not in ("#", "+", "-")]
    numbers = {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isascii() and row[2].isdigit()}
    yield from (name for name, number in numbers.items() if number >= _FIRST and number != _NOBODY)
    members = [
        line.split(":")[-1].split(",") for line in (found.runs["groups"].lines if "groups" in found.runs else [])
    ]
    elsewhere = {name.strip() for names in members for name in names}
    if "journal_logins" in found.runs:
        elsewhere |= last_logins.logins(found, _LATEST).times.keys()
    yield from elsewhere - numbers.keys() - {""}


def _of_windows(capture: Capture) -> Iterator[str]:
    items = powershell.read(capture).items
    users = powershell.as_list(items["users"].value) if "users" in items else []
    yield from (body["name"] for body in users if _is_made(sid_of(body)) and isinstance(body.get("name"), str))
    members = items["members"].value if "members" in items else None
    for body in powershell.as_list(members.get("members")) if isinstance(members, dict) else []:
        if isinstance(body, dict) and body.get("class") == "User" and isinstance(body.get("path"), str):
            yield from [body["path"].rpartition("/")[2]] if _is_made(str(body.get("sid"))) else []


def _is_made(sid: str) -> bool:
    """Whether somebody made this account: those that Windows or a domain brings along have lower numbers."""
    rid = sid.rpartition("-")[2]
    return not rid.isdigit() or int(rid) >= _FIRST_RID
