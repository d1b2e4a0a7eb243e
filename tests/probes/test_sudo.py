"""Which entries of sudoers, doas.conf and polkit make somebody root: one line at a time, and hostile content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.doas import rules
from hardencheck.probes.linux.polkit import administrators
from hardencheck.probes.linux.root_groups import Accounts
from hardencheck.probes.linux.shell_escapes import escape
from hardencheck.probes.linux.sudo_commands import escapes
from hardencheck.probes.linux.sudoers import read_sudoers

RULES = "/etc/polkit-1/rules.d/10-x.rules"


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/vim", "/usr/bin/vim /etc/hosts", "/usr/bin/vim.tiny", "/bin/less /var/log/syslog", "/usr/bin/find",
        "/usr/bin/find /srv *", "/bin/tar -czf /backup/*", "/usr/bin/awk *", "/usr/bin/python3.11",
        '/usr/bin/python3 ""', "/opt/lib/python", "/usr/bin/systemctl", "/usr/bin/systemctl edit cups",
        "/usr/bin/systemctl *", "/usr/bin/docker", "/usr/bin/docker run *", "/usr/bin/rsync", "sudoedit",
        "sudoedit /etc/*", "/usr/bin/tee /var/www/*", "/usr/bin/crontab -e",
        "^/usr/bin/(vim|nano)$", "^/usr/bin/(", "/usr/bin/pass*", "sudoedit /etc/sudoers.d/x",
        "sudoedit /etc/../etc/shadow", "/home/*/run.sh", "^/home/agent1/.*$", "^/.*/run$",
        "/usr/bin/tee -a /etc/passwd", "/usr/bin/tee /root/.ssh/authorized_keys", "/usr/bin/passwd root",
        '/usr/bin/passwd ""', '/usr/sbin/chpasswd ""', "/usr/sbin/chpasswd -e", "/usr/bin/at now",
        "/usr/bin/script /tmp/x",
        "/usr/bin/sort -o *", "/usr/bin/openvpn *",
    ],
)  # fmt: skip
def test_programs_with_a_way_out(command: str) -> None:
    assert escape(command, noexec=False)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/systemctl restart asterisk", "/usr/bin/systemctl restart *", "/usr/bin/apt-get update",
        "sudoedit /etc/hosts", "/usr/bin/python3 /opt/report.py *", "/usr/sbin/reboot", '/usr/bin/find ""',
        "/usr/bin/docker ps", "/bin/ls *", "/usr/bin/lessecho", "/usr/bin/passwd agent1",
        "/usr/bin/tee /var/www/index.html", "^(/usr/bin/ls|/usr/bin/id)$",
        "sudoedit /etc/nginx/nginx.conf", "/usr/bin/sort /var/log/syslog",
    ],
)  # fmt: skip
def test_programs_that_are_held_to_their_task(command: str) -> None:
    assert not escape(command, noexec=False)


def test_noexec_leaves_editors_which_write_any_file() -> None:
    assert escape("/usr/bin/vim", noexec=True)
    assert not escape("/usr/bin/less", noexec=True)


def test_a_command_that_is_refused_later_is_no_way_out() -> None:
    vim, refused = {"command": "/usr/bin/vim"}, {"command": "/usr/bin/vim", "negated": True}
    assert escapes([vim, refused]) == []
    assert escapes([refused, vim]) == ["/usr/bin/vim"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("permit nopass ops", [("ops", True, "")]),
        ("permit :wheel", [("%wheel", False, "")]),
        ("permit nopass keepenv setenv { A=1 B } ops as root", [("ops", True, "")]),
        ("permit nopass ops as postgres", []),
        ("permit nopass ops cmd /usr/bin/vim", [("ops", True, "/usr/bin/vim")]),
        ("permit nopass ops cmd sh", [("ops", True, "sh")]),
        ("permit nopass ops cmd /usr/bin/systemctl args restart cups", []),
        ("permit nopass ops\npermit ops", [("ops", False, "")]),
        ("permit nopass ops\ndeny ops", []),
        ("# permit nopass ops", []),
    ],
)
def test_doas(line: str, found: list[tuple[str, bool, str]]) -> None:
    assert [(rule.identity, rule.nopass, rule.program) for rule in rules(line, "doas.conf")] == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('polkit.addAdminRule(function(a, s) { return ["unix-group:desk", "unix-user:bob"]; });', ["%desk", "bob"]),
        ('polkit.addRule(function(a, s) { if (s.isInGroup("x")) return polkit.Result.YES; });', ["%x"]),
        ('polkit.addRule(function(a, s) { if (a.id == "org.y.z" && s.isInGroup("x")) return "yes"; });', []),
        (
            'polkit.addRule(function(a, s) { if (a.id == "org.freedesktop.policykit.exec") return "yes"; });',
            ["ALL"],
        ),
        ("polkit.addRule(function(a, s) { return polkit.Result.NO; });", []),
        ('var g = "x"; polkit.addRule(function(a, s) { if (s.isInGroup(g)) return polkit.Result.YES; });', ["ALL"]),
        ('polkit.addRule(function(a, s) { if (["x"].indexOf(s.user) >= 0) return polkit.Result.YES; });', ["ALL"]),
        ('function f(a, s) { if (s.isInGroup("x")) return polkit.Result.YES; } polkit.addRule(f);', ["%x"]),
        ('// polkit.addAdminRule(function() { return ["unix-user:bob"]; });', []),
    ],
)
def test_polkit(body: str, found: list[str]) -> None:
    assert sorted(administrators({RULES: body})) == found


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["Identity=unix-user:bob;unix-group:ops", "Action=*", "ResultActive=yes"], ["%ops", "bob"]),
        (["Identity=unix-user:*", "Action=org.freedesktop.policykit.exec", "ResultAny=yes"], ["ALL"]),
        (["Identity=unix-user:bob", "Action=org.freedesktop.systemd1.*", "ResultAny=yes"], ["bob"]),
        (["Identity=unix-user:bob", "Action=org.freedesktop.timedate1.set-time", "ResultAny=yes"], []),
        (["Identity=unix-user:bob", "Action=*", "ResultActive=auth_admin"], []),
    ],
)
def test_local_authority_of_older_polkit(lines: list[str], found: list[str]) -> None:
    path = "/etc/polkit-1/localauthority/50-local.d/x.pkla"
    assert sorted(administrators({path: "\n".join(["[Some name]", *lines])})) == found


def test_members_of_a_group() -> None:
    known = Accounts(
        [["root", "0", "0"], ["a", "1001", "27"], ["b", "1002", "1002"]], [["sudo", "27", "b, c"]], [["sudo", "d"]]
    )
    assert known.resolve("%sudo") == known.resolve("%#27") == {"a", "b", "c", "d"}
    assert known.resolve("#1002") == {"b"}
    assert known.resolve("+ops") == {"+ops"}
    assert known.resolve("%gone") == set()


@pytest.mark.parametrize("text", ["", "[]", "null", '{"User_Specs": 1}', '{"User_Specs": [{}]}', "[" * 100_000])
def test_json_of_another_form_is_not_read(text: str) -> None:
    with pytest.raises(CaptureUnreadable):
        read_sudoers(text, "host")


@given(st.text())
def test_hostile_content_never_breaks_them(text: str) -> None:
    list(rules(text, "doas.conf"))
    administrators({RULES: text, "/etc/polkit-1/localauthority.conf.d/1.conf": text})
    escape(text, noexec=False)
