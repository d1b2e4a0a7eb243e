"""An undo brings a host back to what it was, takes back nobody else's work, and says what it could not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Left, Settled, Snapshot
from tests.lab.lab import Lab
from tests.remediate.guarded import Guarded

PLACE = "/etc/guarded"
FILES = (f"{PLACE}/one", f"{PLACE}/link", f"{PLACE}/new", f"{PLACE}/made/in/new", f"{PLACE}/folder")
PREPARE = f"""
mkdir -p {PLACE}/folder/sub && cd {PLACE}
echo one >one && chmod 4711 one && chown 7:8 one && touch -d '2020-02-03 04:05:06.789' one
echo target >target && ln -s target link && touch -h -d 2020-01-01 link
echo 'a b' >'folder/a  b' && printf 'no end' >folder/sub/deep && mkdir -m 1770 folder/empty
: >folder/'$(reboot)' && echo back >folder/'back\\slash' && ln -s /nowhere folder/dangling
touch -d 2020-01-01 folder/sub folder .
"""
CHANGE = """
cd /etc/guarded
echo changed >one && chmod 600 one && chown 0:0 one
echo changed >>link
echo new >new && mkdir -p made/in && echo new >made/in/new
rm 'folder/a  b' && rm -r folder/sub && mkdir folder/'a  b' && echo x >folder/sub && rmdir folder/empty
echo >folder/'$(reboot)' && rm folder/'back\\slash' && ln -sf /etc/passwd folder/dangling
mkdir -p folder/more/deep && echo x >folder/more/deep/file
"""


@pytest.fixture(scope="module")
def desk(lab: Lab) -> Guarded:
    """A host without systemd."""
    return Guarded(lab, lab.host("good", mode="lite"))


@pytest.fixture
def folder(desk: Guarded) -> Iterator[Guarded]:
    """The host with some files to change; whatever a test leaves goes with it."""
    desk.touches, desk.shell = Touches(files=FILES), ("sh", "-s")
    desk.sh(PREPARE)
    yield desk
    desk.sh(f"chattr -R -ia {PLACE} 2>/dev/null; rm -rf {PLACE} /var/lib/hardencheck")


def test_all_is_as_before(folder: Guarded) -> None:
    before = folder.state("/etc", "/var/lib", "/var/spool", "/root")
    snapshot = folder.begin("run-1")
    assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
    folder.sh(CHANGE)
    after = folder.confirm("run-1")
    assert Settled.from_bytes(after.to_bytes()) == after
    undone = folder.undo(snapshot, after)
    assert undone.left == ()
    assert undone.cleared
    assert ("path", f"{PLACE}/made/in/new") in undone.restored
    assert folder.state("/etc", "/var/lib", "/var/spool", "/root") == before
    assert (
        folder.sh(f"stat -c %y {PLACE}/one {PLACE}/folder {PLACE}").split("\n")[1:3]
        == ["2020-01-01 00:00:00.000000000 +0000"] * 2
    )


def test_a_run_that_was_never_confirmed_is_undone_too(folder: Guarded) -> None:
    before = folder.state(PLACE)
    snapshot = folder.begin("run-1")
    folder.sh(CHANGE)
    assert folder.undo(snapshot).cleared
    assert folder.state(PLACE) == before


@pytest.mark.parametrize("shell", [("dash", "-s"), ("bash", "-s"), ("bash", "--posix", "-s")])
def test_every_shell_reads_it(folder: Guarded, shell: tuple[str, ...]) -> None:
    folder.shell = shell
    before = folder.state(PLACE)
    snapshot = folder.begin("run-1")
    folder.sh(CHANGE)
    assert folder.undo(snapshot, folder.confirm("run-1")).left == ()
    assert folder.state(PLACE) == before


def test_busybox_does_it_alone(folder: Guarded) -> None:
    (folder.host.root / "root/busybox").write_bytes(Path("/usr/bin/busybox").read_bytes())
    alone = """chmod 755 /root/busybox; mkdir -p /run/tools && /root/busybox --install -s /run/tools
        mount --bind /run/tools /usr/bin; mount --bind /run/tools /usr/sbin; exec /root/busybox sh -s"""
    folder.shell = ("unshare", "--mount", "sh", "-c", alone)
    folder.sh("mkdir -p /usr/local/bin")
    before = folder.state(PLACE)
    snapshot = folder.begin("run-1")
    folder.sh(CHANGE)
    undone = folder.undo(snapshot, folder.confirm("run-1"))
    assert undone.left == ()
    assert undone.cleared
    # its tools know no more than seconds
    assert [line.split(".")[0] for line in folder.state(PLACE)] == [line.split(".")[0] for line in before]


def test_what_somebody_has_changed_since_stays_unless_forced(folder: Guarded) -> None:
    before = folder.state(PLACE)
    snapshot = folder.begin("run-1")
    folder.sh(CHANGE)
    after = folder.confirm("run-1")
    folder.sh(f"cd {PLACE}; echo mine >>one; echo mine >new; echo mine >folder/mine; chmod 640 made/in/new; rm target")
    undone = folder.undo(snapshot, after)
    assert set(undone.left) == {
        Left("path", f"{PLACE}/one", "changed-since"),
        Left("path", f"{PLACE}/new", "changed-since"),
        Left("path", f"{PLACE}/target", "changed-since"),
        Left("path", f"{PLACE}/made/in/new", "changed-since"),
        Left("path", f"{PLACE}/made/in", "not-empty"),
        Left("path", f"{PLACE}/made", "not-empty"),
    }
    assert not undone.cleared
    assert undone.missing == ()
    assert folder.sh(f"cat {PLACE}/one {PLACE}/new {PLACE}/folder/mine") == "changed\nmine\nmine\nmine\n"
    assert folder.undo(snapshot, after, force=True).cleared
    # what was neither there before nor left by the run is nobody's but its owner's
    folder.sh(f"rm {PLACE}/folder/mine")
    assert folder.state(PLACE) == before


def test_a_copy_that_was_changed_is_not_put_back(folder: Guarded) -> None:
    snapshot = folder.begin("run-1")
    folder.sh(CHANGE)
    after = folder.confirm("run-1")
    runs = "/var/lib/hardencheck/runs/run-1"
    folder.sh(f"echo backdoor >>$(grep -lx one {runs}/copies/*); rm $(grep -lx target {runs}/copies/*)")
    undone = folder.undo(snapshot, after)
    assert undone.missing == (
        Left("path", f"{PLACE}/one", "copy-changed"),
        Left("path", f"{PLACE}/target", "copy-missing"),
    )
    assert undone.left == undone.missing
    assert not undone.cleared
    assert folder.sh(f"cat {PLACE}/one") == "changed\n"


@pytest.mark.parametrize("name", ["manifest", "after"])
def test_a_list_that_was_changed_is_not_followed(folder: Guarded, name: str) -> None:
    snapshot = folder.begin("run-1")
    folder.sh(CHANGE)
    after = folder.confirm("run-1")
    changed = folder.state(PLACE)
    folder.sh(
        f"sed -i s/4711/4755/ /var/lib/hardencheck/runs/run-1/manifest; echo >>/var/lib/hardencheck/runs/run-1/{name}"
    )
    with pytest.raises(RemediationError, match="is not the one"):
        folder.undo(snapshot, after)
    assert folder.state(PLACE) == changed


def test_attributes_that_ls_does_not_show(folder: Guarded) -> None:
    look = f"getfacl -cpn {PLACE}/one; lsattr -d {PLACE}/one"
    folder.sh(f"setfacl -m u:5:r {PLACE}/one; chattr +i {PLACE}/one")
    before = folder.sh(look)
    assert "user:5:r" in before
    assert "i" in before.splitlines()[-1].split()[0]
    snapshot = folder.begin("run-1")
    folder.sh(f"chattr -i {PLACE}/one; rm {PLACE}/one; echo x >{PLACE}/one; chattr +a {PLACE}/one")
    assert folder.undo(snapshot, folder.confirm("run-1")).left == ()
    assert folder.sh(look) == before


def test_accounts_are_unlocked_and_no_hash_is_told(folder: Guarded) -> None:
    folder.touches = Touches(accounts=True)
    snapshot = folder.begin("run-1")
    before = folder.sh("cat /etc/shadow")
    folder.sh("usermod -L agent1; chage -E 2020-01-01 agent2; usermod -L itadmin")
    after = folder.confirm("run-1")
    assert {(each.name, each.lock, each.expires) for each in after.state.accounts} >= {
        ("agent1", "locked", "never"),
        ("agent2", "open", "18262"),
    }
    assert b"$" not in snapshot.to_bytes() + after.to_bytes()
    folder.sh("chage -E 2030-01-01 itadmin")
    undone = folder.undo(snapshot, after)
    assert undone.left == (Left("account", "itadmin", "changed-since"),)
    folder.undo(snapshot, after, force=True)
    assert folder.sh("cat /etc/shadow") == before


def test_new_packages_go_and_nothing_else(folder: Guarded) -> None:
    folder.touches = Touches(files=("/etc/hc-new.conf", "/etc/hc-new.d/drop"), packages=True)
    make = """cd /root && for name in hc-new hc-other hc-needs; do
      mkdir -p $name/DEBIAN $name/etc/$name.d && echo vendor >$name/etc/$name.conf
      echo /etc/$name.conf >$name/DEBIAN/conffiles
      printf '%s\\n' "Package: $name" Version:\\ 1 Architecture:\\ all \\
        Maintainer:\\ lab Description:\\ lab >$name/DEBIAN/control
      [ $name != hc-needs ] || echo 'Depends: hc-new' >>$name/DEBIAN/control
      dpkg-deb -b $name >/dev/null; done"""
    folder.sh(make)
    before = folder.state("/etc")
    snapshot = folder.begin("run-1")
    folder.sh("dpkg -i /root/hc-new.deb; echo ours >/etc/hc-new.conf; echo ours >/etc/hc-new.d/drop")
    after = folder.confirm("run-1")
    folder.sh("dpkg -i /root/hc-other.deb /root/hc-needs.deb")
    assert folder.undo(snapshot, after).left == (Left("package", "hc-new", "needed-or-busy"),)
    folder.sh("dpkg -P hc-needs")
    undone = folder.undo(snapshot, after)
    assert undone.left == ()
    assert ("package", "hc-new") in undone.restored
    assert folder.sh("dpkg-query -W -f='${Status}' hc-other") == "install ok installed"
    folder.sh("dpkg -P hc-other; rm -r /root/hc-*")
    assert folder.state("/etc") == before
