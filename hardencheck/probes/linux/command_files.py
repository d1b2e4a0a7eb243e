"""The files that sudoers(5) and doas.conf(5) name as commands, and which accounts beside root may change them.

Whoever may change a file, or a directory above it, decides what is run as root under its name. In a directory with the
sticky bit (/tmp) others replace nothing that is there, but they create what is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.root_groups import Accounts
from hardencheck.probes.linux.shell_escapes import runs_arguments
from hardencheck.probes.output import Output

#: Shell lines; `$sudoers` holds the JSON of cvtsudoers. `@ WORD PATH TARGET` for each path that a word of a command
#: means, then type, mode, owner and group of each, and of all directories above it.
COLLECT = r"""
named() {
  printf '%s\n' "$sudoers" | sed -n 's/.*"command": "\(.*\)".*/\1/p' | tr ' ' '\n'
  [ ! -e /etc/doas.conf ] ||
    awk '{ sub(/#.*/, ""); gsub(/"/, " "); for (i = 1; i <= NF; i++) print $i }' /etc/doas.conf
}
places() {
  set -f
  # shellcheck disable=SC2046 # one word each
  set -- $(named | grep '^/.' | sort -u | head -n 101)
  set +f
  for word do
    for path in $word; do printf '@ %s %s %s\n' "$word" "${path%/}" "$(readlink -f "$path")"; done
  done | head -n 300
}
command_files() {
  case $sudoers in
    *'"command": "/'*) ;;
    *) [ -e /etc/doas.conf ] || return 0 ;;
  esac
  places=$(places)
  [ -n "$places" ] || return 0
  printf '%s\n' "$places"
  set -f
  # shellcheck disable=SC2046
  set -- $(printf '%s\n' "$places" | awk '{
    for (i = 3; i <= NF; i++) for (path = $i; path != ""; sub("/[^/]*$", "", path)) print path }' | sort -u)
  set +f
  stat -c '%A %u %g %n' / "$@" 2>/dev/null
  return 0
}
run command_files command_files
"""
_MOST_WORDS, _MOST_PLACES = 100, 300


@dataclass(frozen=True, slots=True)
class Files:
    """What the words of commands mean (path and target of a link), and who beside root may change each path."""

    meant: Mapping[str, list[str]] = field(default_factory=dict)
    changers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    problem: str = ""

    def who(self, command: str) -> frozenset[str]:
        """Return the accounts that may change what a command runs: names, `#uid`, or `ALL`."""
        program, *arguments = command.split()
        words = [program, *(arguments if runs_arguments(program) else [])]
        paths = [path for word in words for path in self.meant.get(word, [])]
        return frozenset().union(*(self.changers.get(path, frozenset()) for path in paths))

    def loose(self, command: str) -> bool:
        """Whether an account beside root may change what a command runs."""
        return bool(self.who(command))


def command_files(output: Output, known: Accounts) -> Files:
    """Read what the script prints; raises CaptureUnreadable when it is of another form."""
    meant: dict[str, list[str]] = {}
    listed: dict[str, tuple[str, str, str]] = {}
    lines = output.run("command_files").lines
    for line in lines:
        words = line.split(" ")
        if words[0] == "@" and len(words) == 4:
            meant.setdefault(words[1], []).extend(filter(None, words[2:]))
        elif words[0] != "@" and len(words) >= 4 and len(words[0]) >= 10:
            listed[" ".join(words[3:])] = (words[0], words[1], words[2])
        else:
            raise CaptureUnreadable("the list of the commands' files is not as the script writes it")
    if meant and "/" not in listed:
        return Files(problem="who may change the programs that sudoers names cannot be told")
    places = sum(line.startswith("@ ") for line in lines)
    more = len(meant) > _MOST_WORDS or places >= _MOST_PLACES
    paths = {path for found in meant.values() for path in found}
    return Files(
        meant,
        {path: frozenset(_changers(path, listed, known)) for path in paths},
        "sudoers names more programs than were looked at" if more else "",
    )


def _changers(path: str, listed: Mapping[str, tuple[str, str, str]], known: Accounts) -> set[str]:
    parts = path.split("/")
    chain = ["/", *("/".join(parts[:number]) for number in range(2, len(parts) + 1))]
    found: set[str] = set()
    for place, below in zip(chain, [*chain[1:], ""], strict=True):
        if place not in listed:
            break
        mode, owner, group = listed[place]
        if mode[0] == "l":
            continue  # its target is looked at on its own
        if owner != "0":
            found |= known.with_uid(owner) or {f"#{owner}"}
        if mode[0] == "d" and mode[9] in "tT" and below in listed:
            continue
        if mode[5] == "w" and group != "0":
            found |= known.members(f"#{group}")
        if mode[8] == "w":
            found.add("ALL")
    return found - {"root"}
