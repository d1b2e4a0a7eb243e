"""A host that nobody confirms goes back by itself, also when nobody can reach it, and never half-way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.remediate import guard
from tests.lab.lab import Lab
from tests.remediate.guarded import Guarded, until

RUNS = "/var/lib/hardencheck/runs"
DROPIN = "/etc/ssh/sshd_config.d/00-guarded.conf"
TOUCHES = Touches(
    files=("/etc/nftables.conf", DROPIN, "/etc/guarded"),
    services=("nftables.service", "ssh.service"),
    kernel=("nftables",),
)
#: nothing comes in any more, not even what belongs to connections that are open
CUT = f"""
cat >/etc/nftables.conf <<END
table inet hardencheck {{
  chain input {{ type filter hook input priority -1; policy drop; }}
}}
END
nft -f /etc/nftables.conf
echo 'AllowUsers nobody' >{DROPIN}
if [ -d /run/systemd/system ]; then systemctl reload ssh; else kill -HUP "$(cat /run/sshd.pid)"; fi
"""
LONG = 3600


@pytest.fixture(scope="module", params=["systemd", "lite"])
def host(request: pytest.FixtureRequest, lab: Lab) -> Guarded:
    """A host with systemd, and one without."""
    return Guarded(lab, lab.host("good", mode=request.param))


@pytest.fixture
def desk(host: Guarded) -> Iterator[Guarded]:
    """The host, with one file to change; it is asked as root, without SSH, unless a test says otherwise."""
    host.touches, host.shell, host.over_ssh = TOUCHES, ("sh", "-s"), False
    host.sh("echo before >/etc/guarded")
    yield host
    host.over_ssh = False
    host.sh("""systemctl stop 'hardencheck-revert-*.timer' 2>/dev/null
        rm -f /etc/systemd/system/hardencheck-revert.service
        rm -f /etc/systemd/system/multi-user.target.wants/hardencheck-revert.service
        mountpoint -q /var/lib/hardencheck && umount /var/lib/hardencheck; rm -rf /var/lib/hardencheck /etc/guarded""")


def test_a_host_that_shut_everybody_out_opens_again(desk: Guarded) -> None:
    before, rules = desk.state("/etc"), desk.sh("nft -s list ruleset")
    desk.over_ssh = True
    snapshot = desk.begin("cut-1", timer=5)
    desk.sh(CUT)
    assert desk.lab.ssh(desk.host, "-o", "ConnectTimeout=1", "true", check=False).returncode != 0
    desk.wait(f"test -d {RUNS}/cut-1/reverted")
    until(lambda: desk.lab.ssh(desk.host, "true", check=False).returncode == 0, "a login")
    late = desk.confirm("cut-1")
    assert late.outcome == "reverted"
    assert (desk.state("/etc"), desk.sh("nft -s list ruleset")) == (before, rules)
    undone = desk.undo(snapshot, late)
    assert undone.restored == ()
    assert undone.left == ()
    assert undone.cleared
    assert not desk.kept()


def test_a_run_that_is_confirmed_stays(desk: Guarded) -> None:
    desk.over_ssh = True
    before = desk.state("/etc")
    snapshot = desk.begin("kept-1", timer=LONG)
    desk.sh("echo after >/etc/guarded")
    settled = desk.confirm("kept-1")
    assert settled.outcome == "confirmed"
    assert desk.confirm("kept-1") == settled
    assert waiting(desk) == ""
    # a timer that comes late finds nothing to do
    desk.sh(f"sh {RUNS}/kept-1/revert")
    assert desk.sh("cat /etc/guarded") == "after\n"
    assert desk.undo(snapshot, settled).cleared
    assert desk.state("/etc") == before


def test_an_undo_needs_no_confirmation(desk: Guarded) -> None:
    snapshot = desk.begin("kept-1", timer=LONG)
    desk.sh("echo after >/etc/guarded")
    assert desk.undo(snapshot).cleared
    assert desk.sh("cat /etc/guarded") == "before\n"
    assert waiting(desk) == ""


def test_while_one_run_waits_no_other_begins(desk: Guarded) -> None:
    first = desk.begin("first-1", timer=LONG)
    for timer in (LONG, None):
        with pytest.raises(RemediationError, match="the run first-1 waits here"):
            desk.begin("second-1", timer=timer)
    with pytest.raises(RemediationError, match="nothing is kept here"):
        desk.confirm("second-1")
    desk.confirm("first-1")
    second = desk.begin("second-1")
    assert desk.undo(second).cleared
    assert desk.undo(first).cleared
    assert not desk.kept()


def test_of_confirmation_and_revert_one_wins(desk: Guarded) -> None:
    outcomes = set()
    for count, (first, second) in enumerate([(0, 0), (0, 2), (0, 5), (2, 0)]):
        run = f"race-{count}"
        snapshot = desk.begin(run, timer=LONG)
        desk.sh("echo after >/etc/guarded")
        both = f"(sleep 0.0{first}; exec sh {RUNS}/{run}/revert) & sleep 0.0{second}; sh -s; wait"
        desk.shell = ("sh", "-c", both)
        settled = desk.confirm(run)
        desk.shell = ("sh", "-s")
        outcomes.add(settled.outcome)
        kept = desk.sh("cat /etc/guarded") == "after\n"
        assert kept == (settled.outcome == "confirmed")
        assert desk.undo(snapshot, settled if kept else None).cleared
    assert outcomes <= {"confirmed", "reverted", "reverting"}
    assert waiting(desk) == ""


@pytest.mark.parametrize("host", ["systemd"], indirect=True)
def test_a_start_of_the_host_reverts(desk: Guarded) -> None:
    before = desk.state("/etc")
    desk.begin("boot-1", timer=LONG)
    desk.sh("echo after >/etc/guarded; systemctl stop hardencheck-revert-boot-1.timer")
    # what a start does: units are read, and what multi-user.target wants is started
    wanted = "systemctl daemon-reload; systemctl list-dependencies --plain multi-user.target | grep hardencheck-revert"
    assert desk.sh(wanted).strip() == "hardencheck-revert.service"
    desk.sh("systemctl start hardencheck-revert.service")
    assert desk.state("/etc") == before
    assert desk.confirm("boot-1").outcome == "reverted"


def test_a_revert_that_was_broken_off_goes_on_at_the_next_start(desk: Guarded) -> None:
    desk.begin("boot-1", timer=LONG)
    desk.sh(f"echo after >/etc/guarded; mv {RUNS}/boot-1/armed {RUNS}/boot-1/reverting")
    assert desk.confirm("boot-1").outcome == "reverting"
    desk.sh(f"sh {RUNS}/boot-1/revert")
    assert desk.sh("cat /etc/guarded") == "after\n"
    desk.sh(f"sh {RUNS}/boot-1/revert boot")
    assert desk.sh("cat /etc/guarded") == "before\n"
    assert desk.confirm("boot-1").outcome == "reverted"


def test_a_full_disk_arms_nothing(desk: Guarded) -> None:
    desk.sh("""head -c 200000 /dev/urandom >/etc/guarded
        mkdir /var/lib/hardencheck && mount -t tmpfs -o size=128k,mode=700 tmpfs /var/lib/hardencheck""")
    with pytest.raises(RemediationError, match="space left"):
        desk.begin("full-1", timer=LONG)
    assert desk.sh("find /var/lib/hardencheck -mindepth 1") == ""
    assert waiting(desk) == ""


def test_what_is_too_large_is_not_begun(desk: Guarded) -> None:
    desk.sh("truncate -s 65M /etc/guarded")
    with pytest.raises(RemediationError, match="/etc/guarded has more than 67108864 bytes"):
        desk.begin("large-1", timer=LONG)
    assert not desk.kept()
    assert waiting(desk) == ""


def test_a_begin_that_is_interrupted_leaves_nothing(desk: Guarded) -> None:
    desk.sh("rm /etc/guarded; mkdir /etc/guarded; cd /etc/guarded; seq -f file%g 3000 | xargs touch")
    desk.shell = ("sh", "-c", f"sh -s & until [ -d {RUNS}/.slow-1.new/copies ]; do :; done; kill $!; wait")
    script = guard.begin("slow-1", desk.touches, LONG)
    # a shell in the background reads nothing, unless it is told what
    desk.shell = (*desk.shell[:2], desk.shell[2].replace("sh -s &", "exec 3<&0; sh -s <&3 &"))
    with pytest.raises(RemediationError, match="interrupted"):
        guard.begun(desk.send(script), "slow-1", desk.touches)
    assert not desk.kept()
    assert waiting(desk) == ""


def test_half_a_script_does_nothing(desk: Guarded) -> None:
    script = guard.begin("half-1", desk.touches, LONG)
    for part in (0.3, 0.9):
        desk.lab.run_in(desk.host, "sh", "-s", stdin=script[: int(len(script) * part)].decode(), check=False)
    desk.lab.run_in(desk.host, "sh", "-s", stdin=script[: script.rindex(b"begin")].decode(), check=False)
    assert not desk.kept()


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        ('rm /etc/guarded; mkdir /etc/guarded; touch "/etc/guarded/a\nb"', "control characters"),
        ("rm /etc/guarded; mkdir /etc/guarded; touch '/etc/guarded/a '", "blank at its end"),
        ("rm /etc/guarded; mkdir /etc/guarded; mkfifo /etc/guarded/pipe", "neither a file"),
        ("echo x >/var/tmp/mine; ln -sf /var/tmp/mine /etc/guarded", "others than root can write"),
        ("mkdir -m 777 /var/lib/hardencheck", "others than root"),
        ("ln -s /tmp /var/lib/hardencheck", "others than root"),
    ],
)
def test_what_cannot_be_kept_safely_is_refused(desk: Guarded, prepare: str, problem: str) -> None:
    desk.sh(prepare)
    with pytest.raises(RemediationError, match=problem):
        desk.begin("strange-1", timer=LONG)
    assert waiting(desk) == ""
    assert desk.sh(f"ls {RUNS} 2>/dev/null; true") == ""


def test_rules_that_no_longer_load_leave_a_way_in(desk: Guarded) -> None:
    desk.sh("""ip link add guarded0 type veth peer name guarded1
        nft 'add table ip guarded; add chain ip guarded input { type filter hook input priority 5; }'
        nft add rule ip guarded input iif guarded0 accept""")
    snapshot = desk.begin("rules-1", timer=LONG)
    desk.sh("ip link del guarded0; nft flush table ip guarded")
    desk.sh(
        "nft 'add table inet hardencheck; "
        "add chain inet hardencheck input { type filter hook input priority 9; policy drop; }'"
    )
    desk.sh(f"sh {RUNS}/rules-1/revert")
    assert "left kernel only-ssh nft ip guarded" in desk.sh(f"cat {RUNS}/rules-1/result")
    assert desk.lab.ssh(desk.host, "true", check=False).returncode == 0
    tables = desk.sh("nft list tables")
    assert "hardencheck_way_in" in tables
    assert "inet hardencheck\n" not in tables
    assert "guarded" not in tables
    undone = desk.undo(snapshot, force=True)
    assert {(each.name, each.reason) for each in undone.left} == {("nft ip guarded", "not-restored")}
    assert "hardencheck_way_in" not in desk.sh("nft list tables")


def test_rules_of_others_stay(desk: Guarded) -> None:
    desk.sh("nft 'add table ip theirs; add chain ip theirs input; add rule ip theirs input counter'")
    snapshot = desk.begin("rules-1")
    desk.sh("""nft 'add table inet hardencheck; add chain inet hardencheck input; add rule ip theirs input drop'
        iptables -A INPUT -p tcp --dport 9 -m comment --comment x -j ACCEPT""")
    after = desk.confirm("rules-1")
    desk.sh("nft add table ip later; iptables -A INPUT -p tcp --dport 10 -j ACCEPT")
    undone = desk.undo(snapshot, after)
    assert {(each.name, each.reason) for each in undone.left} == {("iptables ip filter", "changed-since")}
    tables = desk.sh("nft list tables 2>/dev/null")
    assert "table ip later" in tables
    assert "inet hardencheck" not in tables
    assert "drop" not in desk.sh("nft list table ip theirs")
    assert desk.undo(snapshot, after, force=True).left == ()
    assert "table ip filter" not in desk.sh("nft list tables; nft delete table ip later; nft delete table ip theirs")


def waiting(desk: Guarded) -> str:
    """What still waits on the host to revert something."""
    return desk.sh("""cd /etc/systemd/system
        ls hardencheck-* */hardencheck-revert* /var/lib/hardencheck/armed 2>/dev/null
        if [ -d /run/systemd/system ]; then systemctl list-timers --all --no-legend 'hardencheck-*'
        else grep -lzx hardencheck-revert /proc/[0-9]*/cmdline 2>/dev/null; fi; true""")
