"""What a login makes of TMOUT: our reading against the real bash, and what has to stay open."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux import shell_profile
from tests.tools import need_program

LOOP = "for i in /etc/profile.d/*.sh; do\n  . $i\ndone\n"


def login(files: dict[str, str], unread: frozenset[str] = frozenset()) -> tuple[int | None, bool, bool]:
    found = shell_profile.login(files, ("/etc/profile",), unread)
    return found.seconds, found.readonly, bool(found.unclear)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TMOUT=900\n", (900, False, False)),
        ("TMOUT=900\nreadonly TMOUT\nexport TMOUT\n", (900, True, False)),
        ("readonly TMOUT=900 ; export TMOUT\n", (900, True, False)),
        ("readonly TMOUT=900; TMOUT=0\n", (900, True, False)),
        ("declare -xr TMOUT=600\n", (600, True, False)),
        ("typeset -r -x TMOUT='600'\n", (600, True, False)),
        ("readonly TMOUT\nTMOUT=900\n", (None, True, False)),
        ("TMOUT=900\nunset TMOUT\n", (None, False, False)),
        ("export TMOUT=900 # readonly TMOUT\n", (900, False, False)),
        ("#TMOUT=900\n", (None, False, False)),
        ("TMOUT=0\nreadonly TMOUT\n", (0, True, False)),
        ("TMOUT=15m\nreadonly TMOUT\n", (15, True, False)),  # measured: bash takes the digits in front
        ("readonly TMOUT=900\r\n", (900, True, False)),
        ("TMOUT=m15\nreadonly TMOUT\n", (None, True, False)),
        ("declare -ri TMOUT=60*15\n", (60, True, True)),
        ("TMOUT=900 top\n", (None, False, False)),
        ("return\nreadonly TMOUT=900\n", (None, False, False)),
        ('[ -z "$PS1" ] && return\nreadonly TMOUT=900\n', (900, True, False)),
        ('[ -n "$SSH_TTY" ] && return\nreadonly TMOUT=900\n', (None, False, True)),
        ('if [ "$USER" = x ]; then\n  readonly TMOUT=900\nfi\n', (None, False, True)),
        ("[ $UID = 0 ] && readonly TMOUT=900\n", (None, False, True)),
        ("f() {\n  readonly TMOUT=900\n}\n", (None, False, True)),
        ("readonly TMOUT=$WANTED\n", (None, True, True)),
        ("eval TMOUT=900\n", (None, False, True)),
        ("cat <<END\nreadonly TMOUT=900\nEND\n", (None, False, True)),
        ("X='\nreadonly TMOUT=900\n'\n", (None, False, True)),
        ("# don't\nreadonly TMOUT=900\n", (900, True, False)),
        ("X=$((1 << 2))\nreadonly TMOUT=900\n", (900, True, False)),
        ('PS1="\\u@\\h"\nreadonly TMOUT=900\n', (900, True, False)),
        ("if true; then :; fi\nreadonly TMOUT=900\n", (900, True, False)),
        ("echo 'if TMOUT=1'\nreadonly TMOUT=900\n", (900, True, False)),
        ("if id -nG | grep -qw sudo; then\n  return\nfi\nreadonly TMOUT=900\n", (None, False, True)),
        ("[ $UID = 0 ] && { return; }\nreadonly TMOUT=900\n", (None, False, True)),
        ("readonly TMOUT=900\nif true; then\n  return\nfi\nTMOUT=0\n", (900, True, False)),
        ("f() {\n  if true; then return; fi\n}\nreadonly TMOUT=900\n", (900, True, False)),
        ('if [ -z "$PS1" ]; then\n  return\nfi\nreadonly TMOUT=900\n', (900, True, False)),
        ('if [ -n "$PS1" ]; then\n  return\nfi\nreadonly TMOUT=900\n', (None, False, True)),
        ("case $- in\n*i*) ;;\n*) return ;;\nesac\nreadonly TMOUT=900\n", (900, True, False)),
        ("case $USER in\nadmin) ;;\n*) readonly TMOUT=900 ;;\nesac\n", (None, False, True)),
        ('if [ "$PS1" ]; then\n  TMOUT=900\n  readonly TMOUT\nfi\n', (900, True, False)),
        ("if [[ $- == *i* ]]; then readonly TMOUT=900; fi\n", (900, True, False)),
        ('if [ -n "$PS1" ]; then :; else readonly TMOUT=900; fi\n', (None, False, True)),
        ('if [ "$PS1" ]; then if [ $UID = 0 ]; then readonly TMOUT=900; fi; fi\n', (None, False, True)),
        ("exec 2>/dev/null\nreadonly TMOUT=900\n", (900, True, False)),
        ("[ -x /usr/bin/tmux ] && exec tmux\nreadonly TMOUT=900\n", (900, True, True)),
        ("readonly TMOUT=900\n[ $UID != 0 ] || exec env -u TMOUT bash\n", (900, True, True)),
    ],
)
def test_one_file(text: str, expected: tuple[int | None, bool, bool]) -> None:
    assert login({"/etc/profile": text}) == expected


def test_files_of_profile_d_count_where_profile_reads_them() -> None:
    files = {"/etc/profile.d/b.sh": "readonly TMOUT=900\n", "/etc/profile.d/a.sh": "readonly TMOUT=600\n"}
    assert login({"/etc/profile": LOOP, **files}) == (600, True, False)
    assert login({"/etc/profile": "umask 027\n", **files}) == (None, False, False)
    assert login({"/etc/profile": f"#{LOOP.splitlines()[0]}\n", **files}) == (None, False, False)
    assert login({"/etc/profile": f"TMOUT=30\n{LOOP}readonly TMOUT=60\n", **files}) == (600, True, False)
    assert login({"/etc/profile": LOOP, **files}, frozenset({"/etc/profile.d/a.sh"})) == (900, True, False)


def test_files_that_profile_names() -> None:
    profile = 'if [ "${PS1-}" ]; then\n  if [ -f /etc/bash.bashrc ]; then\n    . /etc/bash.bashrc\n  fi\nfi\n' + LOOP
    assert login({"/etc/profile": profile, "/etc/bash.bashrc": "declare -rx TMOUT=300\n"}) == (300, True, False)


def test_files_from_elsewhere_count_where_they_are_read() -> None:
    site = {"/etc/site.env": "readonly TMOUT=0\n", "/etc/profile.d/b.sh": "readonly TMOUT=900\n"}
    profile = {"/etc/profile": LOOP}
    assert login({**profile, **site, "/etc/profile.d/a.sh": ". /etc/site.env\n"}) == (0, True, False)
    assert login({**profile, **site, "/etc/profile.d/c.sh": ". /etc/site.env\n"}) == (900, True, False)
    some = {"/etc/profile": 'if [ "$USER" != admin ]; then\n  . /etc/profile.d/b.sh\nfi\n'}
    assert login({**some, **site}) == (900, True, True)


def reduced(file: Path, shell: str = "dash") -> str:
    """Return a file as the script sends it."""
    script = f'{shell_profile.FUNCTIONS}\nshell_lines "$1"'
    done = subprocess.run([shell, "-c", script, shell, file], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_what_is_sent_keeps_lines_and_drops_secrets(tmp_path: Path, shell: str) -> None:
    need_program(shell)
    file = tmp_path / "profile"
    text = 'export http_proxy="http://u:secret@proxy"\n# don\'t\nif true; then\n  readonly TMOUT=900\nfi\nPS1="\\u "\n'
    file.write_text(text, encoding="utf-8")
    sent = reduced(file, shell)
    assert "secret" not in sent
    assert sent.splitlines() == ['""', "#'", "if true; then", "  readonly TMOUT=900", "fi", '""']


line = st.sampled_from(
    [
        "TMOUT=900", "TMOUT='60'", "readonly TMOUT", "export TMOUT", "readonly TMOUT=600", "declare -xr TMOUT=300",
        "typeset -r TMOUT=120", "unset TMOUT", "export TMOUT=30 ", "TMOUT=0", "TMOUT=7 true", "# readonly TMOUT=5",
        "if true; then :; fi", "f() { :; }", "for i in 1 2; do :; done", "echo TMOUT=3 >/dev/null", "TMOUT=1; TMOUT=2",
        "x=TMOUT", "case x in y) ;; esac", "(TMOUT=8)", "true && true", "X='# no'; TMOUT=44",
        "cat <<E >/dev/null\nreadonly TMOUT=5\nE", "X='\nTMOUT=77\n'", "# don't",
        "if false; then return; fi", "case x in x) return ;; esac", "f() { return; }", "exec 3>/dev/null",
        "if false; then TMOUT=66; else TMOUT=67; fi", "case x in y) TMOUT=68 ;; esac",
        'Y="it\'s"', "echo \\' >/dev/null", "Z=a#b",
    ]
)  # fmt: skip


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(line, max_size=5))
def test_agrees_with_bash(tmp_path: Path, lines: list[str]) -> None:
    need_program("bash")
    file = tmp_path / "profile"
    file.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    mine = shell_profile.login({"/etc/profile": reduced(file)}, ("/etc/profile",), frozenset())
    if mine.unclear:
        return
    show = 'trap \'echo "[${TMOUT-}] [$(declare -p TMOUT 2>/dev/null)]"\' EXIT; . "$0"'
    done = subprocess.run(
        ["env", "-i", "bash", "--norc", "-c", show, str(file)], capture_output=True, text=True, timeout=30, check=False
    )
    value, _, declared = done.stdout.strip().partition("] [")
    assert value.lstrip("[") == ("" if mine.seconds is None else str(mine.seconds)), (lines, done.stdout, mine)
    assert ("r" in declared.partition("TMOUT")[0].replace("declare", "")) == mine.readonly, (lines, done.stdout, mine)
