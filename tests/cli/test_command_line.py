"""The command line: quick help, calm errors with the exit code of their kind, nothing raw on the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "hardencheck"]


def run(*arguments: object, home: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
    environment.pop("HARDENCHECK_STORE", None)
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, text=True, env=environment, check=False,
        timeout=120,
    )  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from hardencheck.cli.main import _add_commands, run; _add_commands(); run(['--help'])\n"
        "heavy = {'paramiko', 'ansible', 'sqlalchemy', 'alembic', 'jsonschema', 'rich', 'winrm', 'cryptography'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "sweep" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sweep", "--no-such-option"], 64, "no-such-option"),
        (["swep"], 64, "swep"),
        (["sweep", "--limit", "web"], 64, "go with an inventory"),
        (["sweep", "-i", "no-such-folder/inventory.ini"], 78, "no-such-folder/inventory.ini"),
        (["sweep", "-b", "no-such-baseline"], 78, "no-such-baseline"),
        (["sweep", "--rule", "no-such-rule"], 64, "no-such-rule"),
        (["sweep", "--ask-pass", "-i", "localhost,"], 64, "terminal"),
        (["sweep", "--resume"], 64, ""),
        (["report", "20200101"], 64, "20200101"),
        (["probe", "show", "linux.shdow"], 64, "did you mean linux.shadow"),
        (["host", "show", "nobody"], 64, ""),
        (["findings"], 64, "holds no sweep yet"),
        (["trust", "-i", "web1,", "--from-file", "no-such-file"], 64, "there is no such file"),
        (["trust", "-i", "web1,", "--from-file", "/usr"], 64, "there is no such file"),
    ],
)
def test_bad_input_is_one_calm_sentence(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    done = run(*arguments, home=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("hardencheck: ")
    assert done.stdout == ""


def test_a_sweep_of_this_machine_needs_no_configuration(tmp_path: Path) -> None:
    done = run("sweep", "--theme", "access", home=tmp_path)
    assert done.returncode in (0, 1, 2, 3), done.stderr
    assert "1 in scope" in done.stdout
    assert f"exit {done.returncode}: " in done.stderr
    assert (tmp_path / "state" / "hardencheck" / "hardencheck.db").exists()
    again = run("rejudge", home=tmp_path)
    assert again.stdout == done.stdout
    listed = run("sweeps", home=tmp_path)
    assert "bpo-core" in listed.stdout


def test_a_reader_that_goes_away_does_not_change_the_exit_code(tmp_path: Path) -> None:
    run("sweep", "--theme", "access", home=tmp_path)
    expected = run("report", home=tmp_path).returncode
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(
        [*COMMAND, "report"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == expected


def _shell(command: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `hc` is the command line."""
    script = f'hc() {{ "{sys.executable}" -m hardencheck "$@"; }}; {command}'
    kept = {**os.environ, "XDG_STATE_HOME": str(home / "state"), **environment}
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=kept, check=False, encoding="latin-1"
    )


def test_a_full_disk_behind_standard_output_is_told(tmp_path: Path) -> None:
    run("sweep", "--theme", "access", home=tmp_path)
    done = _shell("hc report >/dev/full", tmp_path)
    assert done.returncode == 70
    assert done.stderr.splitlines() == [
        "hardencheck: standard output cannot be written: No space left on device",
        "  what was stored is kept; hardencheck report shows it again",
    ]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>/dev/full", ">&- 2>&- <&-"])
def test_closed_streams_do_not_change_the_exit_code(closed: str, tmp_path: Path) -> None:
    expected = run("sweep", "--theme", "access", home=tmp_path).returncode
    done = _shell(f"hc sweep --theme access {closed}", tmp_path)
    assert done.returncode == expected
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("charset", "shown"), [("ascii", r"b\xfcro, \u6771\u4eac"), ("latin-1", "b\xfcro, \\u6771\\u4eac")]
)
def test_names_that_the_terminal_cannot_show_are_spelt_out(charset: str, shown: str, tmp_path: Path) -> None:
    inventory = tmp_path / "i.ini"
    inventory.write_text("[all:vars]\nansible_port=1\nansible_host=127.0.0.1\n[web]\nb\xfcro\n\u6771\u4eac\n", "utf-8")
    done = _shell(f"hc sweep --theme ssh -i {inventory}; hc report", tmp_path, PYTHONIOENCODING=charset)
    assert done.returncode == 2, done.stderr
    assert done.stdout.count(shown) == 2
    assert "Traceback" not in done.stderr
    assert "WARNING" not in done.stderr


NOBODY = """
import os, sys
os.environ.pop("HOME")
os.environ.pop("XDG_STATE_HOME", None)
os.setreuid(54321, 0)  # an account that passwd(5) does not know, as in some containers
from hardencheck.cli.main import main
sys.argv = ["hardencheck", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="taking the id of an unknown account needs root")
def test_an_account_without_a_home_needs_to_name_the_store(tmp_path: Path) -> None:
    def nobody(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", NOBODY, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    refused = nobody("findings")
    assert refused.returncode == 64
    assert refused.stderr.splitlines() == [
        "hardencheck: this account has no home folder to keep the store in",
        "  name the store's file with --store",
    ]
    assert nobody("--version").returncode == 0
    assert "store.db" in nobody("sweeps", "--store", tmp_path / "store.db").stderr


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_interruption_before_the_first_host_is_told(signal: str, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.sh"
    inventory.write_text(f"#!/bin/sh\nkill -{signal} $PPID\nexec sleep 60\n")
    inventory.chmod(0o755)
    done = run("sweep", "-i", inventory, home=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "hardencheck: interrupted\n"


def test_every_command_has_a_help_text(tmp_path: Path) -> None:
    for command in ("sweep", "doctor", "trust", "report", "sweeps", "findings", "rejudge", "waive", "attest", "diff",
                    "schema",
                    "baseline list", "baseline show", "baseline lint", "rule show", "probe list", "probe show",
                    "host show", "credential list", "credential reset", "evidence verify",
                    "evidence checkpoint", "store purge"):  # fmt: skip
        done = run(*command.split(), "--help", home=tmp_path)
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) > 3


def test_rule_and_probe_pages(tmp_path: Path) -> None:
    page = run("rule", "show", "linux-accounts-only-root-uid-zero", home=tmp_path)
    for heading in ("Why", "Expected", "Fix", "References", "Examples"):
        assert f"\n{heading}\n" in page.stdout
    probe = run("probe", "show", "linux.accounts", home=tmp_path)
    assert "Reads: /etc/passwd" in probe.stdout
    assert run("baseline", "lint", home=tmp_path).returncode == 0
    script = run("doctor", "--show-script", home=tmp_path)
    assert script.stdout.startswith("# hardencheck collector")


def test_a_tailoring_for_strangers_is_told(tmp_path: Path) -> None:
    inventory, site = tmp_path / "i.ini", tmp_path / "site.yaml"
    inventory.write_text("[web]\nhere ansible_connection=local\n")
    site.write_text("groups: {wbe: {}}\nhosts: {heer: {}, here: {values: {password_min_length: 20}}}\n")
    done = run("sweep", "-i", inventory, "--tailoring", site, "--rule", "linux-password-min-length", home=tmp_path)
    assert "no group wbe" in done.stderr
    assert "no host heer" in done.stderr
    assert "no host here" not in done.stderr


def test_a_sweep_in_which_no_rule_is_left_is_not_compliant(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("groups: {all: {}}\nhosts: {localhost: {deselect: {linux-core-dumps-disabled: not here}}}\n")
    for options in (["--tailoring", site, "--rule", "linux-core-dumps-disabled"], ["--rule", "linux-leavers-disabled"]):
        done = run("sweep", *options, home=tmp_path)
        assert done.returncode == 78, done.stderr
        assert "zero hosts or rules" in done.stderr
        assert run("report", home=tmp_path).returncode == 78
