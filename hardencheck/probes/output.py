"""The items inside a section: how a probe's script writes command output and files, and how its parser splits them.

Every item carries its length, so that the content of a file cannot forge an item. NUL bytes do not survive a shell
variable: a file that holds any makes the section unreadable (`error`), unless the script filters them itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture

#: Shell functions that every Linux probe's script may use.
#:   run LABEL COMMAND [ARG...]   one item: output and exit status of a command (127: not installed)
#:   files PATH...                one item per readable regular file; others are named as absent, unreadable or special;
#:                              all files of a section are read at its end, at once: not to be called in a subshell
#:   answer QUESTION            what was asked once for several probes (`Probe.asks`): its output and its exit status
PRELUDE = r"""
run() {
  label=$1
  shift
  out=$("$@"; printf ' %s' "$?")
  printf '@run %s %s\n%s\n' "${#out}" "$label" "$out"
}
newline='
'
later=$newline
files() {
  for path do
    if [ -f "$path" ]; then
      if [ ! -r "$path" ]; then printf '@unreadable %s\n' "$path"
      else
        case $path in
          *"$newline"*) read_files "$path" ;;
          *) case $later in *"$newline$path$newline"*) ;; *) later=$later$path$newline ;; esac ;;
        esac
      fi
    elif [ -e "$path" ]; then printf '@special %s\n' "$path"
    elif [ -L "$path" ]; then printf '@dangling %s\n' "$path"
    else printf '@absent %s\n' "$path"
    fi
  done
}
read_files() {
  printf '@files %s\n' "$#"
  wc -c "$@"
  cat "$@"
  echo
}
read_later() {
  if [ "$later" != "$newline" ]; then
    set -f
    IFS=$newline
    # shellcheck disable=SC2086 # a path each line
    set -- $later
    set +f
    unset IFS
    read_files "$@"
  fi
}
answer() {
  eval "_answer=\${asked_$1:-124 }"
  [ -z "${_answer#* }" ] || printf '%s\n' "${_answer#* }"
  return "${_answer%% *}"
}
"""

#: The last command of every section: a script that stopped before its end has no such item, and is not read.
END_OF_SECTION = "read_later\necho @end"

_RUN = re.compile(rb"@run (\d+) ([^\n]*)\n")
_FILES = re.compile(rb"@files (\d+)\n")
_WORD = re.compile(rb"@(absent|unreadable|special|dangling) ([^\n]*)\n")
_SIZE = re.compile(rb"\s*(\d+) ([^\n]*)\n")


@dataclass(frozen=True, slots=True)
class Run:
    """Output of one command: its text and its exit status."""

    text: str
    status: int

    @property
    def missing(self) -> bool:
        """Whether the shell found no such command."""
        return self.status == 127

    @property
    def lines(self) -> list[str]:
        """The lines of the text, without line ends."""
        return self.text.splitlines()


@dataclass(slots=True)
class Output:
    """The items of one section: commands by label, files by path, and the paths that could not be read."""

    runs: dict[str, Run] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    special: set[str] = field(default_factory=set)
    dangling: set[str] = field(default_factory=set)

    def run(self, label: str) -> Run:
        """Return the command with this label; raises CaptureUnreadable when the section lacks it."""
        try:
            return self.runs[label]
        except KeyError:
            raise CaptureUnreadable(f"the section has no output of {label!r}") from None

    def asked(self, parameter: str) -> frozenset[str]:
        """Return the items of a parameter as the script was sent them (`run 'asked NAME' printf '%s\\n' "$NAME"`).

        A stored sweep may be judged again with other values than those that its scripts looked for.
        """
        return frozenset(self.run(f"asked {parameter}").text.split("\n")) - {""}


def text(data: bytes) -> str:
    r"""Decode as UTF-8; bytes that are not UTF-8 stay visible as `\xNN`."""
    return data.decode("utf-8", "backslashreplace")


def read(capture: Capture) -> Output:
    """Split a section into its items; raises CaptureUnreadable at the first byte that no item explains.

    A section without the item that `END_OF_SECTION` writes did not run to its end: what it lacks proves nothing.
    """
    data, position, output = capture.stdout.removesuffix(b"@end\n"), 0, Output()
    if len(data) == len(capture.stdout):
        raise CaptureUnreadable("the script did not run to its end")
    while position < len(data):
        if found := _RUN.match(data, position):
            end = found.end() + int(found[1])
            body, _, status = data[found.end() : end].rpartition(b" ")
            if data[end : end + 1] != b"\n" or not status.isdigit():
                raise CaptureUnreadable(f"the output of {text(found[2])!r} does not end where its length says")
            output.runs[text(found[2])] = Run(text(body), int(status))
            position = end + 1
        elif found := _FILES.match(data, position):
            position = _read_files(data, found.end(), int(found[1]), output)
        elif found := _WORD.match(data, position):
            bucket: set[str] = getattr(output, text(found[1]))
            bucket.add(text(found[2]))
            position = found.end()
        else:
            raise CaptureUnreadable(f"unexpected bytes at offset {position} of the section")
    return output


def _read_files(data: bytes, position: int, count: int, output: Output) -> int:
    sizes: list[tuple[str, int]] = []
    for _ in range(count + (count > 1)):  # wc adds a line with the total when there is more than one file
        found = _SIZE.match(data, position)
        if found is None:
            raise CaptureUnreadable("the list of file sizes is cut off")
        sizes.append((text(found[2]), int(found[1])))
        position = found.end()
    for path, size in sizes[:count]:
        if position + size > len(data):
            raise CaptureUnreadable(f"{path} is shorter than its size says")
        output.files[path] = text(data[position : position + size])
        position += size
    if data[position : position + 1] != b"\n":
        raise CaptureUnreadable("a file changed while it was read")
    return position + 1
