"""What dconf makes of system settings: profile, compiled databases, locks (dconf(7), dconf-engine.c).

The profile `user` lists databases, the first of which users write to. A key's value is the one of the first database
that has it. A lock in any but the first database makes the key read-only and starts the search at the lowest database
that locks it. Only exact keys can be locked: a lock on a directory locks nothing. Key files are not read: they take
effect when `dconf update` compiles them, so that a difference between the two is a setting that is not in force yet.
A profile or database that only root can read (compiled under umask 077) does not exist for users.
Root's own profile for one user (/run/dconf/user/UID) and DCONF_PROFILE in the environment come before `user`, and
GSETTINGS_BACKEND in the environment takes the place of dconf altogether.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.probes.linux import gvdb
from hardencheck.probes.output import Output

#: A function for a probe's script: `dconf_state` yields the profile, the databases in hexadecimal, and the lines of
#: their key files on locking and mounting. A database that holds a password (of a proxy) is not sent.
FUNCTIONS = r"""
dconf_state() {
  profile=
  for path in /etc/dconf/profile/user /usr/local/share/dconf/profile/user /usr/share/dconf/profile/user; do
    if [ -e "$path" ] && [ -z "$profile" ]; then profile=$path; fi
  done
  files ${profile:+"$profile"}
  run dconf-elsewhere dconf_elsewhere
  run dconf-closed find -L /etc/dconf "${profile:-/etc/dconf}" -maxdepth 2 \
    \( -type d ! -perm -005 -o -type f ! -perm -004 \)
  [ -n "$profile" ] && [ -r "$profile" ] || return 0
  sed -n 's/^[[:space:]]*system-db:\([^[:space:]#]*\).*/\/etc\/dconf\/db\/\1/p
    s/^[[:space:]]*file-db:\([^[:space:]#]*\).*/\1/p' "$profile" | head -n 8 | while read -r base; do
    if grep -qs password "$base"; then
      run "dconf $base" false
    elif [ -e "$base" ]; then
      run "dconf $base" od -An -v -tx1 -N 65536 "$base"
    fi
    wanted='^[[:space:]]*(\[|/|(idle|lock|disable-lock|automount)[a-z-]*[[:space:]]*=)'
    for path in "$base.d"/* "$base.d/locks"/*; do
      [ ! -f "$path" ] || run "key file $path" grep -E "$wanted" "$path"
    done
  done
}
dconf_elsewhere() {
  for path in /run/dconf/user/*; do [ ! -e "$path" ] || printf '%s\n' "$path"; done
  grep -lsE '^[^#]*(DCONF_PROFILE|GSETTINGS_BACKEND)=' /etc/environment /etc/environment.d/*.conf \
    /usr/lib/environment.d/*.conf /etc/profile /etc/profile.d/*.sh /etc/security/pam_env.conf \
    /etc/X11/Xsession.d/* /etc/X11/xinit/xinitrc.d/*
  return 0
}
"""

_SOURCE = re.compile(r"(user-db|service-db|system-db|file-db):(.*)\Z")
_NUMBER = re.compile(r"(?:(?:byte|u?int(?:16|32|64))\s+)?([+-]?(?:0x[0-9a-fA-F]+|\d+))\Z")


@dataclass(slots=True)
class Source:
    """One database: its compiled values and locks, and what its key files would compile to."""

    path: str
    writable: bool
    values: Mapping[str, gvdb.Value] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()
    pending: dict[str, str] = field(default_factory=dict)
    pending_locks: set[str] = field(default_factory=set)
    has_key_files: bool = False
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The databases of the profile `user`, the users' own first. `unclear` says why nothing can be told."""

    profile: str
    sources: tuple[Source, ...]
    unclear: str = ""

    def locked(self, key: str) -> str:
        """Return the database that keeps users from changing a key; empty when they may."""
        if not self.sources or not self.sources[0].writable:
            return self.profile
        return next((source.path for source in reversed(self.sources[1:]) if key in source.locks), "")

    def value(self, key: str) -> tuple[gvdb.Value | None, str]:
        """Return the value in the system's databases and where it stands; None where the schema's default holds.

        While the key is not locked, a user's own value comes before this one.
        """
        start = max([i for i, source in enumerate(self.sources) if i and key in source.locks], default=0)
        for source in self.sources[start:]:
            if key in source.values:
                return source.values[key], source.path
        return None, self.profile or "no profile"

    def not_in_force(self, key: str) -> list[str]:
        """Name the databases whose key files say something else about this key than what is compiled."""
        found = []
        for source in self.sources:
            if source.unread:
                found.append(f"{source.path}: users cannot read {source.unread}")
            if source.unread or not source.has_key_files:
                continue
            compiled, written = source.values.get(key), source.pending.get(key)
            if (compiled is None) != (written is None) or (written is not None and not same(written, compiled)):
                found.append(f"{source.path}: key files say {key}={written or 'nothing'}, compiled is {compiled}")
            if (key in source.locks) != (key in source.pending_locks):
                state = "only in the key files" if key in source.pending_locks else "no longer in the key files"
                found.append(f"{source.path}: the lock on {key} is {state}")
        return found


def read(output: Output) -> Settings:
    """Read what `dconf_state` found."""
    profile = next((path for path in sorted(output.files) if path.endswith("/dconf/profile/user")), "")
    if elsewhere := output.run("dconf-elsewhere").lines:
        return Settings(profile, (), f"{elsewhere[0]} gives some users another dconf profile or none")
    for path in sorted(output.unreadable | output.special):
        if "/dconf/" in path:
            return Settings(profile, (), f"{path} cannot be read")
    closed = set(output.run("dconf-closed").lines)
    if not profile or closed & {profile, "/etc/dconf", profile.rpartition("/")[0]}:
        return Settings(profile, (Source("the users' own database", writable=True),))
    sources: list[Source] = []
    for line in output.files[profile].splitlines():
        found = _SOURCE.match(line.partition("#")[0].strip())
        if found is None:
            continue
        try:
            sources.append(_source(output, found[1], found[2]))
        except (gvdb.Malformed, ValueError) as error:
            return Settings(profile, (), f"database {found[2]} cannot be read: {error}")
    return Settings(profile, tuple(sources))


def same(written: str, compiled: gvdb.Value | None) -> bool:
    """Whether a key file's text stands for this value; texts of types that nobody asks for count as the same."""
    content = compiled.content if compiled else None
    if isinstance(content, bool):
        return written == str(content).lower()
    if isinstance(content, int):
        number = _NUMBER.match(written)
        return number is not None and int(number[1], 0) == content
    return not isinstance(content, str) or written.strip("'\"") == content


def _source(output: Output, kind: str, name: str) -> Source:
    if kind in ("user-db", "service-db"):
        return Source("the users' own database", writable=True)
    path = f"/etc/dconf/db/{name}" if kind == "system-db" else name
    source = Source(path, writable=False)
    closed = {path, path.rpartition("/")[0]} & set(output.run("dconf-closed").lines)
    if closed:
        source.unread = min(closed)
    elif dump := output.runs.get(f"dconf {path}"):
        if dump.status != 0:
            raise ValueError("it holds a password, or od did not answer")
        table = gvdb.read(bytes.fromhex(dump.text))
        source.values = {key: value for key in table.keys if (value := table.value(key)) is not None}
        locks = table.table(".locks")
        source.locks = locks.keys if locks else frozenset()
    elif len([line for line in output.runs if line.startswith("dconf /")]) >= 8:
        raise ValueError("more databases than are looked at")
    key_files = {
        label.removeprefix("key file "): run for label, run in output.runs.items() if label.startswith("key file ")
    }
    for file in sorted(key_files, key=str.encode):
        if file.startswith(f"{path}.d/") and key_files[file].status > 1:
            raise ValueError(f"{file} cannot be read")
        if file.startswith(f"{path}.d/locks/"):
            source.has_key_files = True
            source.pending_locks.update(line for line in key_files[file].lines if line.startswith("/"))
        elif file.startswith(f"{path}.d/") and "/" not in file.removeprefix(f"{path}.d/"):
            source.has_key_files = True
            source.pending |= _key_file(key_files[file].text)
    return source


def _key_file(text: str) -> dict[str, str]:
    """Return key -> text of the value, as GKeyFile reads it; the last one wins."""
    values, group = {}, ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip("/")
        elif group and not line.startswith("#") and "=" in line:
            key, _, value = line.partition("=")
            values[f"/{group}/{key.strip()}" if group else f"/{key.strip()}"] = value.strip()
    return values
