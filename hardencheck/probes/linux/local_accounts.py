"""The accounts of /etc/passwd and /etc/shadow, and whether somebody can log in with them.

Whether an account may be used is decided as Linux-PAM decides it (pam_unix, check_shadow_expiry; on Debian 12 shown by
trying): `usermod -L` stops passwords alone, while keys, cron and su go on; an account that has expired (day 0 and day 1
included) is refused to everybody, and so is one whose password has been out of date for longer than its inactive days;
a shell that lets nobody in stops neither sftp nor port forwarding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.probe import Question
from hardencheck.probes.linux.sshd_server import EFFECTIVE
from hardencheck.probes.output import Output

_ACCOUNTS = r"""
accounts() {
  awk -F: -v shadow="$1" 'function class(h) {
    if (h == "") return "empty"
    return h ~ /^[!*]/ ? "locked" : "set"
  }
  { sub(/^[ \t]+/, "") }
  !/^[^#]/ { next }
  shadow && NF >= 2 { print $1 ":" class($2) ":" $3 ":" $5 ":" $7 ":" $8 }
  !shadow && NF >= 4 { print $1 ":" ($2 == "x" ? "x" : class($2)) ":" $3 ":" $4 ":" $6 ":" $7 }' "$2"
}
sssd_settings() {
  for file in /etc/sssd/sssd.conf /etc/sssd/conf.d/*.conf; do
    if [ -e "$file" ]; then printf '%s\n' "$file"; fi
  done
}
run passwd accounts 0 /etc/passwd
run nsswitch sh -c 'grep -E "^[[:space:]]*(passwd|group)[[:space:]]*:" /etc/nsswitch.conf 2>/dev/null'
run sssd sssd_settings
"""

_KEYS = r"""
sshd_settings() {
  # sshd -T leaves Match blocks out, so every file is read for what some of them may set
  main=$(cat /etc/ssh/sshd_config /usr/etc/ssh/sshd_config 2>/dev/null)
  included=$(printf '%s\n' "$main" | awk 'tolower($1) == "include" {
    for (i = 2; i <= NF; i++) { gsub(/"/, "", $i); print ($i ~ /^\// ? "" : "/etc/ssh/") $i } }')
  { answer sshd_effective
    printf '%s\n' "$main"
    # shellcheck disable=SC2086 # patterns of file names
    cat /etc/ssh/sshd_config.d/*.conf /usr/etc/ssh/sshd_config.d/*.conf $included 2>/dev/null
  } | awk '{ sub(/=/, " "); gsub(/"/, ""); $1 = tolower($1) }
    $1 ~ /^(authorizedkeysfile|authorizedkeyscommand|trustedusercakeys|loglevel)$/ && tolower($2) != "none"' | sort -u
}
key_files() {
  { printf '%s\n' "$settings" | awk '$1 == "authorizedkeysfile" { for (i = 2; i <= NF && $i !~ /^#/; i++) print $i }'
    printf '.ssh/authorized_keys\n.ssh/authorized_keys2\n'
  } | sort -u | awk -F: 'function put(text, mark, with,  at, done) {
      while (at = index(text, mark)) {
        done = done substr(text, 1, at - 1) with
        text = substr(text, at + length(mark))
      }
      return done text
    }
    NR == FNR { pattern[++count] = $0; next }
    { sub(/^[ \t]+/, "") }
    NF < 6 || !/^[^#]/ { next }
    { for (i = 1; i <= count; i++) {
        path = put(put(put(pattern[i], "%h", $6), "%u", $1), "%U", $3)
        if (path ~ /%[^%]/) continue
        path = (path ~ /^\// ? "" : $6 "/") put(path, "%%", "%")
        if (!seen[$1, path]++) print $1 ":" path
      } }' - /etc/passwd
}
keys() {
  key_files | while IFS= read -r line; do
    path=${line#*:}
    if [ -f "$path" ] && [ -r "$path" ]; then
      printf '%s:%s\n' "${line%%:*}" "$(head -c 262144 "$path" | grep -c '^[[:space:]]*[^#[:space:]]')"
    fi
  done
}
if [ -e /etc/shadow ] || [ -L /etc/shadow ]; then run shadow accounts 1 /etc/shadow; fi
settings=$(sshd_settings)
run keys keys
run sshd_settings printf '%s\n' "$settings"
"""

#: What SCRIPT asks.
ASKS: dict[Question, tuple[str, ...]] = {EFFECTIVE: ()}
#: Only which accounts there are, and whether they may come from elsewhere too.
NAMES_SCRIPT = _ACCOUNTS
#: Hashes become words on the host: empty, locked (`!` or `*` before it) or set. Keys are counted, never shown.
SCRIPT = _ACCOUNTS + _KEYS

#: sources of accounts that add nobody who could log in to what the files hold
_HARMLESS = {"files", "compat", "systemd", "mymachines"}
_NO_LOGIN = {
    f"{folder}/{name}" for folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin") for name in ("nologin", "false")
}
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `password` is `empty`, `locked` or `set`, `keys` counts the SSH keys that open it.

    The last four are shadow(5)'s days: since 1970 (`changed`, `expires`) or as a number; None where there is none.
    """

    name: str
    uid: int | None
    gid: int | None
    shell: str
    password: str
    keys: int = 0
    changed: int | None = None
    maximum: int | None = None
    inactive: int | None = None
    expires: int | None = None

    @property
    def login_shell(self) -> bool:
        """Whether the shell lets people in; an empty one is /bin/sh."""
        return self.shell not in _NO_LOGIN

    @property
    def openable(self) -> bool:
        """Whether there is a password or a key that would be taken."""
        return self.password != "locked" or self.keys > 0  # noqa: S105  a word, no password

    def refused(self, today: int) -> bool:
        """Whether PAM refuses the account altogether on this day since 1970: expired, or inactive for too long."""
        if self.expires is not None and 0 <= self.expires <= today:
            return True
        if not self.changed or self.maximum is None or self.inactive is None or self.changed > today:
            return False
        since, limit = today - self.changed, self.maximum + self.inactive
        return self.maximum >= 0 and self.inactive >= 0 and since > limit

    def open(self, today: int) -> bool:
        """Whether somebody can log in and work with it."""
        return self.openable and self.login_shell and not self.refused(today)


def accounts(output: Output) -> list[Account]:
    """Return the local accounts as the C library finds them; raises CaptureUnreadable when the files are not whole.

    The first line of a name counts. pam_unix looks for ageing and expiry only where field 2 of /etc/passwd is `x`.
    """
    shadow: dict[str, Account] = {}
    if "shadow" in output.runs:
        for name, password, changed, maximum, inactive, expires in _rows(output, "shadow"):
            days = [_number(text) for text in (changed, maximum, inactive, expires)]
            shadow.setdefault(name, Account(name, None, None, "", password, 0, *days))
    counts = _keys(output)
    found: dict[str, Account] = {}
    for name, password, uid, gid, _, shell in _rows(output, "passwd"):
        if name in found or name.startswith(("+", "-")):
            continue
        # x without a line in /etc/shadow: no password opens it, and nothing says that it has expired
        kept = shadow.get(name) if password == "x" else None  # noqa: S105  the word of passwd(5)
        stored = kept.password if kept else "locked" if password == "x" else password  # noqa: S105
        account = kept or Account(name, None, None, "", stored)
        keys = counts.get(name, 0)
        found[name] = replace(account, uid=_number(uid), gid=_number(gid), shell=shell, password=stored, keys=keys)
    return list(found.values())


def require_accounts(output: Output) -> list[str]:
    """Return the names of the local accounts; raises CaptureUnreadable when the file is not whole."""
    return [row[0] for row in _rows(output, "passwd") if not row[0].startswith(("+", "-"))]


def elsewhere(output: Output, database: str = "passwd") -> str:
    """Say which directory accounts (or `group`s) come from beside the files, else return an empty string."""
    words: list[str] = []
    for line in output.run("nsswitch").lines:
        name, _, rest = line.partition("#")[0].partition(":")
        words += re.sub(r"\[[^]]*]", " ", rest).split() if name.strip() == database else []
    strange = [word for word in words if word not in _HARMLESS]
    if not output.run("sssd").text.strip():  # RHEL names it always; without a configuration it knows nobody
        strange = [word for word in strange if word != "sss"]
    lines = output.run("passwd").lines if "passwd" in output.runs else []
    if any(line.startswith("+") for line in lines):
        strange.append("NIS (a + line in /etc/passwd)")
    said = ", ".join(dict.fromkeys(strange))
    return f"accounts also come from {said}, which cannot be seen on the host" if said else ""


def keys_elsewhere(output: Output) -> str:
    """Say where sshd finds keys that are in no file of the account, else return an empty string."""
    words = {line.split()[0] for line in output.run("sshd_settings").lines if line.split()}
    known = {
        "authorizedkeyscommand": "sshd asks a command for keys (AuthorizedKeysCommand)",
        "trustedusercakeys": "sshd takes certificates of an authority (TrustedUserCAKeys)",
    }
    return "; ".join(known[word] for word in sorted(words & known.keys()))


def listed(offenders: Sequence[str]) -> list[str]:
    """Return the first offenders, sorted, and how many more there are."""
    ordered = sorted(offenders)
    more = [f"and {len(ordered) - _SHOWN} more"] if len(ordered) > _SHOWN else []
    return ordered[:_SHOWN] + more


def _keys(output: Output) -> dict[str, int]:
    """Return how many keys open each account, from a line `NAME:COUNT` for each of its files."""
    counts: dict[str, int] = {}
    for line in output.run("keys").text.split("\n"):
        name, _, count = line.partition(":")
        if line and not _is_number(count):
            raise CaptureUnreadable("the SSH keys of an account were not counted")
        if line:
            counts[name] = counts.get(name, 0) + int(count)
    return counts


def _rows(output: Output, label: str) -> list[list[str]]:
    run = output.run(label)
    rows = [line.split(":") for line in run.text.split("\n") if line.strip(":")]
    if run.status != 0 or not rows or any(len(row) != 6 or not row[0] for row in rows):
        raise CaptureUnreadable(f"/etc/{label} could not be read whole (exit status {run.status})")
    return rows


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11


def _number(text: str) -> int | None:
    return int(text) if _is_number(text) else None
