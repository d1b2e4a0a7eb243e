"""The collector: one POSIX sh script that runs every probe of one sweep, each in a bounded section of its own.

Wire format, per section (all lengths in bytes, NONCE is 32 hexadecimal digits, known to this connection alone):

    HC1 NONCE PROBE LENGTH\n
    STDOUT STDERR 'rc=STATUS' ERRLEN(6 digits)\n     LENGTH bytes: ERRLEN is the length of STDERR with its rc= part

and after the last one `HC1 NONCE end COUNT\n`. The nonce is a shell variable: never in argv, never in the environment,
so no other user of the host can see it, and content that looks like a section is content. What the baseline's values
tell the probes of one host (`Probe.parameters`) comes before the script as shell assignments, too: data, quoted.

What several probes ask (`Probe.asks`) is asked once, before the first section, and bounded like a section; the
sections find it in the environment as `asked_NAME`: exit status, space, output.
"""

from __future__ import annotations

import hashlib
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
'
question() {
  name=$1 seconds=$2 bytes=$3 body=$4
  shift 4
  text=$({
    # shellcheck disable=SC2086 # the words of $bound are an optional command
    $bound ${bound:+"$seconds"} /bin/sh -c "$parameters$body" question "$@" </dev/null 2>/dev/null
    printf '\n%s %s' "$nonce" "$?" # without it, the output was cut off
  } | head -c "$bytes")
  kept=${text%"$newline$nonce "*} status=${text##* }
  [ "$kept" != "$text" ] || status=124
  case $status in 124 | 137 | 143) kept='' status=124 ;; esac
  export "asked_$name=$status ${kept%"$newline"}"
}
section() {
  name=$1 seconds=$2 bytes=$3 body=$4
  shift 4
  # what was asked for several sections and not answered is missing in all of them
  for asked do eval "case \$asked_$asked in '124 '*) body='echo $asked was not answered >&2; exit 124' ;; esac"; done
  out=$(
    exec 3>&1
    err=$({ {
      # shellcheck disable=SC2086 # the words of $bound are an optional command
      $bound ${bound:+"$seconds"} /bin/sh -c "$parameters$prelude$body" </dev/null 2>&4 3>&-
      echo "rc=$?" >&4
    } | head -c "$bytes" >&3 4>&-; } 4>&1 | tail -c @STDERR@)
    printf '%s%06d' "$err" "${#err}"
  )
  printf 'HC1 %s %s %s\n%s\n' "$nonce" "$name" "${#out}" "$out"
}
"""


@dataclass(frozen=True)
class Script:
    """The collector for one set of probes; the same set gives the same text on every host and in every sweep."""

    probes: tuple[Probe, ...]

    @cached_property
    def text(self) -> str:
        """The script without its nonce, as `doctor --show-script` prints it."""
        parts = [_HEAD.lstrip("\n").replace("@STDERR@", str(STDERR_BYTES)), f"prelude={_quote(PRELUDE)}\n"]
        for question, words in _questions(self.probes).items():
            limits = f"{question.seconds} {question.max_bytes}"
            body = "".join(f'set -f\nset -- "$@" {word}\nset +f\n' for word in words if word.startswith("$"))
            given = " ".join(_quote(word) for word in words if not word.startswith("$"))
            parts.append(f"question {question.name} {limits} {_quote(body + question.script.strip())} {given}\n")
        for probe in self.probes:
            # one byte more than allowed tells "exactly full" from "cut off"
            body = _quote(f"{probe.script.strip()}\n{END_OF_SECTION}\n")
            needed = "".join(f" {name}" for name in sorted(question.name for question in probe.asks))
            parts.append(f"section {probe.id} {probe.seconds} {probe.max_bytes + 1} {body}{needed}\n")
        parts.append(f"printf 'HC1 %s end %s\\n' \"$nonce\" {len(self.probes)}\n")
        return "".join(parts)

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
