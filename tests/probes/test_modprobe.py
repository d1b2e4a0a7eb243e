"""Our reading of modprobe.d: libkmod's rules one by one, and against the real modprobe on generated configurations."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux import modprobe
from tests.tools import need_program

ETC, RUN, USR = "/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d"


def installed(files: dict[str, str], module: str = "usb_storage") -> str | None:
    line = modprobe.read(files).install(module)
    return line.command if line else None


def test_the_first_install_line_in_file_order_wins() -> None:
    files = {f"{ETC}/z.conf": "install usb-storage /bin/false\n", f"{ETC}/a.conf": "install usb-storage /sbin/x\n"}
    assert installed(files) == "/sbin/x"


def test_order_is_by_name_across_directories() -> None:
    files = {f"{ETC}/z.conf": "install usb-storage /bin/false\n", f"{USR}/a.conf": "install usb-storage /sbin/x\n"}
    assert installed(files) == "/sbin/x"


def test_etc_masks_the_same_name_elsewhere() -> None:
    block = "install usb-storage /bin/false\n"
    assert installed({f"{ETC}/x.conf": "", f"{USR}/x.conf": block}) is None
    assert installed({f"{RUN}/x.conf": block, f"{USR}/x.conf": ""}) == "/bin/false"


@pytest.mark.parametrize("name", ["x.conf.bak", "x", ".x.conf", "x.CONF"])
def test_other_file_names_are_not_read(name: str) -> None:
    assert installed({f"{ETC}/{name}": "install usb-storage /bin/false\n"}) is None


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("install usb-storage /bin/false", "/bin/false"),
        ("install usb_storage /bin/true", "/bin/true"),
        ("install\tusb-storage\t/bin/false", "/bin/false"),
        ("install usb-storage /bin/false # blocked", "/bin/false # blocked"),
        ("install usb-stor\\\nage /bin/false", "/bin/false"),
        ("install usb* /bin/false", "/bin/false"),
        ("install usb-storage", None),
        ("INSTALL usb-storage /bin/false", None),
        ("# install usb-storage /bin/false", None),
        ("#\\\ninstall usb-storage /bin/false", None),
        ("blacklist usb-storage", None),
        ("install usb-storage[ /bin/false", None),
    ],
)
def test_lines(line: str, command: str | None) -> None:
    assert installed({f"{ETC}/x.conf": line + "\n"}) == command


@pytest.mark.parametrize(
    ("command", "blocks"),
    [
        ("/bin/false", True),
        ("/usr/bin/true", True),
        ("true", True),
        (":", True),
        ("exit 1", True),
        ("/bin/false # blocked", True),
        ("/bin/true; /sbin/insmod x.ko", False),
        ("/sbin/modprobe --ignore-install usb-storage", False),
        ("/usr/local/bin/true-or-load", False),
        ("/bin/false || modprobe -i usb-storage", False),
        ("/home/x/false", False),
        ("", False),
    ],
)
def test_commands_that_load_nothing(command: str, blocks: bool) -> None:
    assert modprobe.Install("usb_storage", command, "x:1").blocks is blocks


def test_where_names_file_and_line() -> None:
    files = {f"{ETC}/x.conf": "# first\n\nblacklist uas\ninstall \\\nusb-storage /bin/false\n"}
    line = modprobe.read(files).install("usb_storage")
    assert line is not None
    assert line.where == f"{ETC}/x.conf:4"
    assert modprobe.read(files).blacklisted == (("uas", f"{ETC}/x.conf:3"),)


pattern = st.sampled_from(
    ["usb-storage", "usb_storage", "usb-*", "*", "uas", "usb?storage", "usb[-_]storage", "a[", "u]"]
)
command = st.sampled_from(["/bin/false", "/bin/true", "/bin/false # no", "x \\y", "  two"])
line = st.one_of(
    st.builds("install {} {}".format, pattern, command),
    st.builds("{}install\t{}  {}".format, st.sampled_from(["", " ", "#", "\t"]), pattern, command),
    st.sampled_from(["blacklist usb-storage", "#", "", "\\", "install", "options usb-storage a=b", "softdep a pre: b"]),
)
body = st.lists(line, max_size=4).map("\n".join)
name = st.sampled_from(["a.conf", "B.conf", "10-x.conf", "z.conf", "y.txt", "_.conf"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module tree that holds usb-storage, with the indexes of the real depmod."""
    need_program("modprobe", "depmod")
    root = tmp_path_factory.mktemp("tree")
    driver = root / "lib/modules/6.1.0-lab/kernel/usb-storage.ko"
    driver.parent.mkdir(parents=True)
    driver.touch()
    subprocess.run(["depmod", "-b", str(root), "6.1.0-lab"], check=True, timeout=30, capture_output=True)
    return root


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.dictionaries(name, body.map("{}\n".format), max_size=4))
def test_agrees_with_kmod(tree: Path, files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for file, text in files.items():
            Path(directory, file).write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["modprobe", "-C", directory, "-d", str(tree), "-S", "6.1.0-lab", "-D", "usb-storage"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=False,
        )
    assert done.stdout.startswith(("install ", "insmod ")), (files, done.stdout, done.stderr)
    said = done.stdout.removeprefix("install ").strip() if done.stdout.startswith("install ") else None
    mine = installed({f"{ETC}/{file}": text for file, text in files.items()})
    # modprobe shows the command with the module's options behind it
    assert said == mine or (said and mine and said.startswith(f"{mine} ")), (files, mine, said, done.stderr)


@pytest.mark.parametrize(
    ("command", "blocks"),
    [
        ("/bin/false", True),
        ("/usr/bin/true # why", True),
        ("/dev/null", True),
        ("exec /bin/false", True),
        ("exit 1;", True),
        ("/usr/bin/logger 'no USB; ask IT'; /bin/false", True),
        ("echo no USB", True),
        ("/bin/echo no || :", True),
        ("/sbin/modprobe --ignore-install usb-storage", False),
        ("/bin/false || insmod /x.ko", False),
        ("logger `insmod /x.ko`", False),
        ('echo "$(insmod /x.ko)"', False),
        ("echo x; insmod /x.ko", False),
        ("echo x > /etc/y", False),
        ("echo x & insmod /x.ko", False),
        ("logger", False),
        ("/opt/site/false", False),
        ("", False),
    ],
)
def test_commands_that_are_known_to_load_nothing(command: str, blocks: bool) -> None:
    assert modprobe.Install("usb_storage", command, "x:1").blocks is blocks
