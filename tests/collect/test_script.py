"""The collector on real shells: sections are bounded, framed, and show what the host's files hold."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hardencheck.collect.frame import Frames, split
from hardencheck.collect.script import Script, build, new_nonce
from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe, Question
from hardencheck.probes import all_probes
from hardencheck.probes.linux import software
from hardencheck.probes.output import PRELUDE, read
from tests.tools import need_program

END = b"@end\n"
SHELLS = {"dash": ["dash", "-s"], "bash": ["bash", "--posix", "-s"], "busybox": ["busybox", "ash", "-s"]}


def probe(name: str, script: str, seconds: int = 5, max_bytes: int = 4096) -> Probe:
    def parse(capture: Capture, context: Context) -> Observation:
        return Observation.of({})

    return Probe(f"linux.{name}", name, Platform.LINUX, script, {}, parse, seconds=seconds, max_bytes=max_bytes)


def asking(name: str, script: str, asks: dict[Question, tuple[str, ...]]) -> Probe:
    return replace(probe(name, script), asks=asks)


def collect(script: Script, shell: str = "dash") -> Frames:
    """Run the collector in this shell, and the shells that it starts, which are /bin/sh on a host, as well."""
    need_program(SHELLS[shell][0])
    nonce = new_nonce()
    payload = script.payload(nonce).replace(b"/bin/sh", " ".join(SHELLS[shell][:-1]).encode())
    done = subprocess.run(SHELLS[shell], input=payload, capture_output=True, check=False, timeout=60)
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
def test_sections_before_and_after_a_hanging_one_arrive_once(shell: str, tmp_path: Path) -> None:
    counted = f"echo x >>'{tmp_path}/first'; cd '{tmp_path}'; set -f; IFS=:; name=changed; echo fine"
    frames = collect(
        build([probe("a", counted), probe("b", "sleep 6", seconds=1), probe("c", "pwd; echo ${name-unset} *")]), shell
    )
    assert frames.complete
    assert frames.captures["linux.a"].stdout == b"fine\n" + END
    assert (tmp_path / "first").read_text() == "x\n", "what had finished is not asked again"
    assert frames.captures["linux.b"].timed_out
    assert frames.captures["linux.c"].stdout.startswith(b"/\nunset bin ")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shared_question_is_asked_once_with_all_words(shell: str, tmp_path: Path) -> None:
    shared = Question("shared", f"echo asked >>'{tmp_path}/log'; printf '%s\\n' \"$@\"; (exit 3)")
    body = "run shared answer shared; run kept sh -c 'echo ${asked_shared-nothing}'"
    asks = [asking("a", body, {shared: ("it's", "b")}), asking("b", body, {shared: ("a b", "b")})]
    frames = collect(build(asks), shell)
    for name in ("linux.a", "linux.b"):
        output = read(frames.captures[name])
        assert output.run("shared").text == "a b\nb\nit's\n"
        assert output.run("shared").status == 3
        assert output.run("kept").text == "nothing\n", "programs get no copy of it"
    assert (tmp_path / "log").read_text() == "asked\n"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("script", ["yes", "sleep 6", "yes x | head -c 1000; sleep 6"])
def test_without_a_whole_answer_no_section_that_asked_counts(shell: str, script: str) -> None:
    shared = Question("shared", script, seconds=1, max_bytes=1000)
    frames = collect(build([asking("a", "run x answer shared", {shared: ()}), probe("b", "echo fine")]), shell)
    assert frames.captures["linux.a"].timed_out
    assert frames.captures["linux.b"].stdout == b"fine\n" + END


#: a shell that ends by itself, as it does when it cannot fork (2) or a command line is too long (126)
DEATHS = ("exit 2", "exit 0", ": ${none?gone}", "kill -KILL $$", "exec true $(printf %0200000d 1)")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("death", DEATHS)
def test_a_question_whose_shell_ends_midway_is_not_answered(shell: str, death: str) -> None:
    items = f"run one echo 1\nfiles /etc/passwd\nread_later\n{death}\nrun two echo 2\n"
    shared = Question("shared", PRELUDE + items)
    frames = collect(build([asking("a", "answer shared", {shared: ()}), probe("b", "echo fine")]), shell)
    assert frames.captures["linux.a"].timed_out
    assert frames.captures["linux.a"].stdout == b""
    assert frames.captures["linux.b"].stdout == b"fine\n" + END


@pytest.mark.parametrize("shell", SHELLS)
def test_a_whole_answer_keeps_its_status_and_its_last_bytes(shell: str) -> None:
    bodies = {"false": "echo x; false", "mark": "printf 'x\\n@end'; (exit 7)", "lines": "printf 'x\\n\\n'", "none": ":"}
    questions = {name: Question(name, body) for name, body in bodies.items()}
    script = "\n".join(f"run {name} answer {name}" for name in bodies)
    output = read(
        collect(build([asking("a", script, dict.fromkeys(questions.values(), ()))]), shell).captures["linux.a"]
    )
    assert {name: (run.text, run.status) for name, run in output.runs.items()} == {
        "false": ("x\n", 1),
        "mark": ("x\n@end\n", 7),
        "lines": ("x\n\n", 0),
        "none": ("", 0),
    }


def test_no_question_leaves_its_shell() -> None:
    for question in {question for known in all_probes().values() for question in known.asks}:
        assert not re.search(r"(^|[;&|{]|\b(then|do|else))[ \t]*(exit|exec)\b", question.script, re.MULTILINE), (
            question.name
        )


def test_a_parameter_is_words_of_a_question() -> None:
    shared = Question("shared", "printf '%s\\n' \"$@\"")
    script = build([replace(asking("a", "run x answer shared", {shared: ("$names", "z")}), parameters={"names": {}})])
    done = subprocess.run(
        ["sh", "-s"], input=script.payload("0" * 32, {"names": ["*", "b"]}), capture_output=True, check=True, timeout=30
    )
    output = read(split(done.stdout, "0" * 32, script.probes).captures["linux.a"])
    assert sorted(output.run("x").lines) == ["*", "b", "z"]


@pytest.mark.parametrize("shell", SHELLS)
def test_only_the_end_of_long_errors_is_kept(shell: str) -> None:
    body = "n=0; while [ $n -lt 500 ]; do echo line $n >&2; n=$((n + 1)); done; printf '%03000d' 7 >&2"
    frames = collect(build([probe("loud", body), probe("louder", f"{body}; echo; echo last >&2")]), shell)
    assert frames.captures["linux.loud"].stderr.endswith(b"0007")
    assert 1000 < len(frames.captures["linux.loud"].stderr) <= 2048
    assert frames.captures["linux.louder"].stderr.endswith(b"7last\n")


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
    text = "#!/bin/sh\n# shellcheck disable=SC1003,SC2016 # sections are quoted on purpose\nnonce=0 parameters=\n"
    script = build(all_probes().values())
    done = subprocess.run(["shellcheck", "-"], input=text + script.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_same_probes_give_the_same_script() -> None:
    probes = list(all_probes().values())
    assert build(probes).digest == build(reversed(probes)).digest


def test_every_probe_declares_what_it_asks() -> None:
    users = {"installed": "packages", "running": "processes", "seen": "processes", "scheduled": "schedule"}
    for known in all_probes().values():
        own = known.script.replace(software.FUNCTIONS, "")
        used = set(re.findall(r"\banswer (\w+)", own))
        if own != known.script:
            called = re.findall(r"^ *run \S+ (\w+)|\$\((\w+) ", own, re.MULTILINE)
            used |= {users[word] for words in called for word in words if word in users}
        assert used <= {question.name for question in known.asks}, known.id
