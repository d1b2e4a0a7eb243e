"""The collector on real shells: sections are bounded, framed, and show what the host's files hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hardencheck.collect.frame import Frames, split
from hardencheck.collect.script import Script, build, new_nonce
from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes import all_probes
from hardencheck.probes.output import read
from tests.tools import need_program

END = b"@end\n"
SHELLS = {"dash": ["dash", "-s"], "bash": ["bash", "--posix", "-s"], "busybox": ["busybox", "ash", "-s"]}


def probe(name: str, script: str, seconds: int = 5, max_bytes: int = 4096) -> Probe:
    def parse(capture: Capture, context: Context) -> Observation:
        return Observation.of({})

    return Probe(f"linux.{name}", name, Platform.LINUX, script, {}, parse, seconds=seconds, max_bytes=max_bytes)


def collect(script: Script, shell: str = "dash") -> Frames:
    need_program(SHELLS[shell][0])
    nonce = new_nonce()
    done = subprocess.run(SHELLS[shell], input=script.payload(nonce), capture_output=True, check=False, timeout=60)
    return split(done.stdout, nonce, script.probes)


@pytest.mark.parametrize("shell", SHELLS)
def test_sections_arrive_whole_on_every_shell(shell: str) -> None:
    frames = collect(
        build(
            [
                probe("lines", "echo one\necho\necho two\necho"),
                probe("nothing", ":"),
                probe("noise", "echo to-stderr >&2; exit 3"),
                probe("quotes", """echo "it's" '$HOME' `echo x` \\\\ """),
            ]
        ),
        shell,
    )
    assert frames.complete
    assert not frames.refused
    assert frames.captures["linux.lines"].stdout == b"one\n\ntwo\n\n" + END
    assert frames.captures["linux.nothing"] == Capture("linux.nothing", END)
    assert frames.captures["linux.noise"].stderr == b"to-stderr\n"
    assert frames.captures["linux.noise"].exit_status == 3
    assert frames.captures["linux.quotes"].stdout == b"it's $HOME x \\\n" + END


@pytest.mark.parametrize("shell", SHELLS)
def test_a_flooding_section_is_cut_and_says_so(shell: str) -> None:
    frames = collect(build([probe("flood", "yes", max_bytes=1000), probe("next", "echo fine")]), shell)
    flood = frames.captures["linux.flood"]
    assert flood.truncated
    assert len(flood.stdout) == 1000
    assert frames.captures["linux.next"].stdout == b"fine\n" + END


def test_exactly_full_is_not_truncated() -> None:
    frames = collect(build([probe("full", "printf '%0995d' 7", max_bytes=1000)]))
    assert not frames.captures["linux.full"].truncated
    assert len(frames.captures["linux.full"].stdout) == 1000


@pytest.mark.parametrize("shell", SHELLS)
def test_a_hanging_section_is_stopped_and_says_so(shell: str) -> None:
    frames = collect(build([probe("hang", "echo before; sleep 6", seconds=1), probe("next", "echo fine")]), shell)
    assert frames.captures["linux.hang"].timed_out
    assert frames.captures["linux.next"].stdout == b"fine\n" + END
    assert frames.complete


@pytest.mark.parametrize("shell", SHELLS)
def test_files_and_commands_are_split_by_length(shell: str, tmp_path: Path) -> None:
    forged = "@run 3 uid\n0 0\n@files 1\n9 /etc/shadow\n"
    (tmp_path / "a").write_text(forged)
    (tmp_path / "b c").write_bytes(b"caf\xe9\n\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    names = " ".join(f"'{tmp_path / name}'" for name in ("a", "b c", "empty", "dir", "dangling", "none"))
    body = f"files {names}\nfiles '{tmp_path}/a'\nrun two printf 'x\\n\\n'\nrun gone no-such-command\n"
    output = read(collect(build([probe("files", body)]), shell).captures["linux.files"])
    assert output.files == {
        f"{tmp_path}/a": forged,
        f"{tmp_path}/b c": "caf\\xe9\n\n",
        f"{tmp_path}/empty": "",
    }
    assert output.special == {f"{tmp_path}/dir"}
    assert output.dangling == {f"{tmp_path}/dangling"}
    assert output.absent == {f"{tmp_path}/none"}
    assert output.run("two").text == "x\n\n"
    assert output.run("gone").missing


def test_a_script_that_stops_early_is_not_read() -> None:
    frames = collect(build([probe("early", "run one echo 1; exit 0; run two echo 2")]))
    with pytest.raises(CaptureUnreadable, match="did not run to its end"):
        read(frames.captures["linux.early"])


def test_a_hostile_environment_changes_nothing(tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text("stat() { echo lie; }\nid() { echo 0; }\necho noise\n")
    script, nonce = build([probe("who", "run uid id -u; run path printenv PATH")]), new_nonce()
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ENV": str(rc), "BASH_ENV": str(rc), "LC_ALL": "de_DE.UTF-8"}
    done = subprocess.run(
        ["sh", "-s"], input=script.payload(nonce), capture_output=True, check=True, env=environment, timeout=30
    )
    output = read(split(done.stdout, nonce, script.probes).captures["linux.who"])
    assert output.run("path").text == "/usr/sbin:/usr/bin:/sbin:/bin\n"


def test_the_nonce_is_in_no_argument_and_no_environment() -> None:
    script, nonce = build([probe("look", "tr '\\000' '\\n' </proc/$PPID/cmdline; env; ps -o args= ax")]), new_nonce()
    done = subprocess.run(["sh", "-s"], input=script.payload(nonce), capture_output=True, check=True, timeout=30)
    frames = split(done.stdout, nonce, script.probes)
    assert nonce.encode() not in frames.captures["linux.look"].stdout


def test_the_whole_collector_passes_shellcheck() -> None:
    need_program("shellcheck")
    text = "#!/bin/sh\n# shellcheck disable=SC2016 # bodies are quoted on purpose\nnonce=0 parameters=\n"
    script = build(all_probes().values())
    done = subprocess.run(["shellcheck", "-"], input=text + script.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_same_probes_give_the_same_script() -> None:
    probes = list(all_probes().values())
    assert build(probes).digest == build(reversed(probes)).digest
