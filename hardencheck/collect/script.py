"""The collector: one POSIX sh script that runs every probe of one sweep, each in a bounded section of its own.

Wire format, per section (all lengths in bytes, NONCE is 32 hexadecimal digits, known to this connection alone):

    HC1 NONCE PROBE LENGTH\n
    STDOUT STDERR 'rc=STATUS' ERRLEN(6 digits)\n     LENGTH bytes: ERRLEN is the length of STDERR with its rc= part

and after the last one `HC1 NONCE end COUNT\n`. The nonce is a shell variable: never in argv, never in the environment,
so no other user of the host can see it, and content that looks like a section is content. What the baseline's values
tell the probes of one host (`Probe.parameters`) comes before the script as shell assignments, too: data, quoted.

What several probes ask (`Probe.asks`) is asked once, before the first section, and bounded like a section; the
sections find it as the variable `asked_NAME`: exit status, space, output. It reaches their shell by the environment,
and goes no further: each program that a section starts would copy it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hardencheck.model.probe import Probe, Question
from hardencheck.probes.output import END_OF_SECTION, PRELUDE

#: The end of a section's stderr that is kept.
STDERR_BYTES = 2048

#: Sections that may take more seconds than this always run alone.
LONG = 30

_HEAD = r"""# hardencheck collector: reads, writes nothing, leaves nothing behind
LC_ALL=C LANGUAGE='' PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL LANGUAGE PATH
unset ENV BASH_ENV CDPATH GREP_OPTIONS
unalias -a 2>/dev/null
umask 077
cd / || exit 1
renice -n 10 -p "$$" >/dev/null 2>&1
# busybox before 1.30 knows `timeout -t` only: such a host is bounded by the controller's deadline alone
if timeout -k 2 1 true 2>/dev/null; then bound='timeout -k 2'
elif timeout 1 true 2>/dev/null; then bound=timeout
else bound=
fi
newline='
' private=
# what the shell of a question does last: one that stopped before (no memory, no process) has told only a part
ended='
_status=$?
printf "\n@end"
exit "$_status"'
question() {
  name=$1 seconds=$2 bytes=$3 body=$4$ended
  shift 4
  text=$({
    # shellcheck disable=SC2086 # the words of $bound are an optional command
    $bound ${bound:+"$seconds"} /bin/sh -c "$parameters$body" question "$@" </dev/null 2>/dev/null
    printf '\n%s %s' "$nonce" "$?" # without it, the output was cut off
  } | head -c "$bytes")
  kept=${text%"$newline$nonce "*} status=${text##* }
  [ "$kept" != "$text" ] || status=124
  case $kept in *"$newline@end") kept=${kept%"$newline@end"} ;; *) status=124 ;; esac
  case $status in 124 | 137 | 143) kept='' status=124 ;; esac
  export "asked_$name=$status ${kept%"$newline"}"
  private="$private asked=\$asked_$name; unset asked_$name; asked_$name=\$asked;"
}
"""

#: What each section needs: read by the collector, by the shell that runs most sections, and by those that run alone.
_SECTION = r"""
newline='
'
# the last @STDERR@ bytes of what is read; no program is started for what is mostly short
last_bytes() {
  _kept=
  while IFS= read -r _line || [ -n "$_line" ]; do
    _kept=$_kept$_line$newline
    [ "${#_kept}" -le @TWICE@ ] || _kept=$(printf '%s' "$_kept" | tail -c @STDERR@)$newline
  done
  if [ "${#_kept}" -le @STDERR@ ]; then printf '%s' "$_kept"; else printf '%s' "$_kept" | tail -c @STDERR@; fi
}
unanswered() { echo 'a question that it shares with other sections was not answered' >&2; exit 124; }
# together: in a shell of its own, bounded only with the others; alone: bounded by itself
together() { ("$1") </dev/null 3>&- 5>&-; }
alone() {
  # shellcheck disable=SC2086 # the words of $bound are an optional command
  printf '%s\n%s </dev/null\n' "$private$newline$parameters$program" "$1" | $bound ${bound:+"$2"} /bin/sh -s 3>&-
}
section() { # section PROBE SECONDS BYTES FUNCTION QUESTION...
  _probe=$1 _seconds=$2 _bytes=$3 _function=$4
  shift 4
  case $finished in *" $_probe "*) return ;; esac
  [ "$how" = alone ] || [ "$_seconds" -le @LONG@ ] || return 0
  # what was asked for several sections and not answered is missing in all of them
  for _asked do eval "case \$asked_$_asked in '124 '*) _function=unanswered ;; esac"; done
  _out=$(
    exec 3>&1
    _err=$({ {
      "$how" "$_function" "$_seconds" 2>&4
      echo "rc=$?" >&4
    } | head -c "$_bytes" >&3 4>&-; } 4>&1 | last_bytes)
    printf '%s%06d' "$_err" "${#_err}"
  )
  [ -z "$stopped" ] || exit
  printf 'HC1 %s %s %s\n%s\n' "$nonce" "$_probe" "${#_out}" "$_out"
  [ "$how" = alone ] || printf ' %s ' "$_probe" >&5
}
"""

#: Most sections run in one shell that is bounded as a whole: to start timeout and a shell for each costs more than
#: most sections do. It is stopped after the shortest time that one of them may take, and says which ones it finished;
#: those that are left run alone, each bounded by itself.
_TAIL = r"""
# shellcheck disable=SC2034 # what the sections read
finished=' ' stopped=''
exec 6>&1
case $bound,$(timeout --version 2>/dev/null) in
  timeout*,*coreutils*) # that stops the whole process group; busybox stops one process
    # shellcheck disable=SC2034
    finished=$({
      printf '%s\n' "nonce=$nonce how=together finished='' stopped=''" "trap 'stopped=yes' TERM"
      printf '%s\n' "$private" "$parameters$program" sections 'exit 0'
    } | $bound @TOGETHER@ /bin/sh -s 5>&1 >&6 6>&-) ;;
esac
exec 6>&-
# shellcheck disable=SC2034
how=alone
eval "$program"
sections
"""


@dataclass(frozen=True)
class Script:
    """The collector for one set of probes; the same set gives the same text on every host and in every sweep."""

    probes: tuple[Probe, ...]

    @cached_property
    def text(self) -> str:
        """The script without its nonce, as `doctor --show-script` prints it."""
        parts = [_HEAD.lstrip("\n"), f"program={_quote(self._program)}\n"]
        for question, words in _questions(self.probes).items():
            limits = f"{question.seconds} {question.max_bytes}"
            body = "".join(f'set -f\nset -- "$@" {word}\nset +f\n' for word in words if word.startswith("$"))
            given = " ".join(_quote(word) for word in words if not word.startswith("$"))
            parts.append(f"question {question.name} {limits} {_quote(body + question.script.strip())} {given}\n")
        together = min((probe.seconds for probe in self.probes if probe.seconds <= LONG), default=LONG)
        parts.append(_TAIL.lstrip("\n").replace("@TOGETHER@", str(together)))
        parts.append(f"printf 'HC1 %s end %s\\n' \"$nonce\" {len(self.probes)}\n")
        return "".join(parts)

    @property
    def _program(self) -> str:
        """What defines the sections: a function each, and `sections`, which runs them all."""
        section = _SECTION.lstrip("\n").replace("@STDERR@", str(STDERR_BYTES)).replace("@LONG@", str(LONG))
        section = section.replace("@TWICE@", str(2 * STDERR_BYTES))
        functions, calls = [], [":"]
        for probe in self.probes:
            name = f"probe_{re.sub('[^A-Za-z0-9]', '_', probe.id)}"
            functions.append(f"{name}() {{\n{probe.script.strip()}\n{END_OF_SECTION}\n}}\n")
            needed = "".join(f" {name}" for name in sorted(question.name for question in probe.asks))
            # one byte more than allowed tells "exactly full" from "cut off"
            calls.append(f"section {probe.id} {probe.seconds} {probe.max_bytes + 1} {name}{needed}")
        return f"{PRELUDE}{section}{''.join(functions)}sections() {{\n" + "\n".join(calls) + "\n}\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def payload(self, nonce: str, values: Mapping[str, Any] = MappingProxyType({})) -> bytes:
        """Return the bytes for the host's standard input; `values` holds every parameter of the probes.

        A parameter becomes a shell variable: a list its items as lines, anything else its text.
        """
        names = sorted({name for probe in self.probes for name in probe.parameters})
        assignments = "".join(f"{name}={_quote(_lines(values[name]))}\n" for name in names)
        return f"nonce={nonce}\nparameters={_quote(assignments)}\n{self.text}".encode()


def build(probes: Iterable[Probe]) -> Script:
    """Return the collector of these probes, in the order of their ids."""
    return Script(tuple(sorted(probes, key=lambda probe: probe.id)))


def new_nonce() -> str:
    """Return 128 random bits for one connection."""
    return secrets.token_hex(16)


def _questions(probes: Iterable[Probe]) -> dict[Question, list[str]]:
    asked: dict[Question, set[str]] = {}
    for probe in probes:
        for question, words in probe.asks.items():
            asked.setdefault(question, set()).update(words)
    return {question: sorted(asked[question]) for question in sorted(asked, key=lambda question: question.name)}


def _lines(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _quote(body: str) -> str:
    return "'" + body.replace("'", "'\\''") + "'"
