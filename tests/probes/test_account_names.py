"""Which accounts in captures are people's."""

from __future__ import annotations

import pytest

from hardencheck.model.capture import Capture
from hardencheck.probes.account_names import is_system, people_of
from tests.probes.cases import all_cases, compose, compose_windows


def linux(passwd: str = "", groups: str = "", journal: str = "") -> Capture:
    runs = {
        "passwd": {"text": passwd}, "groups": {"text": groups}, "zone": {"text": "+0000"}, "ssh_servers": {"text": ""},
        "last_records": {"text": "Username"}, "terminal_logins": {"text": "", "status": 3},
        "journal_logins": {"text": journal}, "logged_logins": {"text": "zoe@Nov 20 10:00:00\n"},
    }  # fmt: skip
    return Capture("linux.roster", compose({"runs": runs}))


def test_people_have_numbers_from_1000_on() -> None:
    passwd = "root:x:0:0:/root:/bin/sh\nbackup:x:34:34:/:\nnobody:x:65534:1:/:\nana:x:1000:1:/:\nben:x:70001:1:/:\n"
    assert people_of([linux(passwd)]) == {"ana", "ben", "zoe"}
    raw = (
        "root:x:0:0:root:/root:/bin/sh\n#carl:x:1003:1::/:\nana:x:1000:1000:Ana Cruz,,,:/home/ana:/bin/sh\n+nis:::::\n"
    )
    assert people_of([Capture("linux.accounts", compose({"files": {"/etc/passwd": raw}}))]) == {"ana"}


def test_who_is_known_from_elsewhere_is_somebody() -> None:
    passwd = "root:x:0:0:/root:/bin/sh\nproxy:x:13:13:/:\n"
    found = people_of([linux(passwd, "sudo:27:proxy, CORP\\ana,root\nempty:1001:\n", "dina@1700000000\nroot@1\n")])
    assert found == {"CORP\\ana", "dina", "zoe"}


def test_windows_brings_its_own_accounts_along() -> None:
    sid = "S-1-5-21-1-2-3-"
    users = [(500, "Chief"), (501, "Guest"), (503, "DefaultAccount"), (504, "WDAGUtilityAccount"), (1001, "Ana Cruz")]
    members = {
        "count": 3,
        "members": [
            {"sid": f"{sid}500", "path": "WinNT://WORKGROUP/PC1/Chief", "class": "User"},
            {"sid": f"{sid}1104", "path": "WinNT://CORP/ben.reyes", "class": "User"},
            {"sid": f"{sid}512", "path": "WinNT://CORP/Domain Admins", "class": "Group"},
        ],
    }
    listed = [{"sid": f"{sid}{rid}", "name": name} for rid, name in users]
    capture = Capture("windows.administrators", compose_windows({"items": {"users": listed, "members": members}}))
    assert people_of([capture]) == {"Ana Cruz", "ben.reyes"}


@pytest.mark.parametrize("name", ["root", "Administrator", "GUEST", "Administrateur", "SYSTEM", "www-data", "nobody"])
def test_accounts_of_every_machine_are_nobody(name: str) -> None:
    assert is_system(name)


def test_no_capture_is_too_strange() -> None:
    people_of(case.capture for case in all_cases())
    assert people_of([Capture("linux.roster", b"cut off"), Capture("windows.roster", b"\xff{")]) == frozenset()
