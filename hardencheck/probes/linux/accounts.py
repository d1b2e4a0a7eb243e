"""Which local accounts have the powers of root, which stand for the same person, and which one key opens.

Reads: /etc/passwd (passwd(5)), /etc/shadow (whether a password is usable, never its hash), AuthorizedKeysFile in
sshd's files and what they include, and the authorized_keys of every account with a login shell; keys are compared on
the host, none is sent. The key that cloud-init gives root only to send its user away opens nothing.
Needs: root for login_accounts and shared_keys; nothing for the rest.
Facts: uid_zero_accounts, the names of all accounts with user id 0, in file order; a NIS line (`+`) counts by its text.
shared_user_ids, the user ids that several names have, with the names. repeated_names, names with more than one line.
login_accounts, the accounts that somebody can log in to: a shell that lets people in, and a usable or empty password
or an SSH key. shared_keys, the accounts that open with the same SSH key, with how many such keys; certificate
authorities do not count. Accounts of a directory are not in these files.
Absent when: /etc/passwd cannot be read; shared_keys and login_accounts without root, and when sshd asks a program for
keys (AuthorizedKeysCommand).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.output import Output, read

PASSWD = "/etc/passwd"  # noqa: S105  a path
# usable() prints the accounts with a usable or empty password; keys() those with a key, and those with one in common
SCRIPT = (
    f"files {PASSWD}\n"
    + r"""
newline='
'
before=
usable() {
  awk -F: '/^[^#]/ && NF >= 4 && ($2 == "" || $2 !~ /^(x|[!*].*)$/) { print $1 }' /etc/passwd || return 2
  [ -e /etc/shadow ] || return 0
  awk -F: '/^[^#]/ && NF >= 2 && ($2 == "" || $2 ~ /^[$_]/ || $2 ~ /^[.\/0-9A-Za-z]+$/ && length($2) == 13) { print $1 }
    ' /etc/shadow
}
run usable usable
sshd_files=$(cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf 2>/dev/null | tr '=\t\r"' '    ')
while :; do # what they include from elsewhere, however deep
  patterns=$(printf '%s\n' "$sshd_files" | awk 'tolower($1) == "include" {
    for (i = 2; i <= NF && $i !~ /^#/; i++) print ($i ~ /^\// ? "" : "/etc/ssh/") $i }' | sort -u |
    grep -Fxv '/etc/ssh/sshd_config.d/*.conf')
  new=$(printf '%s\n' "$patterns" | grep -Fxv "${before:-"$newline"}")
  [ -n "$new" ] || break
  before=$patterns
  # shellcheck disable=SC2086 # split and expanded as sshd does
  sshd_files=$sshd_files$newline$(cat $new 2>/dev/null | tr '=\t\r"' '    ')
done
settings() { # settings KEYWORD: its values in sshd's files, KEYWORD in lower case
  printf '%s\n' "$sshd_files" |
    awk -v keyword="$1" 'tolower($1) == keyword { sub(/^ *[^ ]+ +/, ""); sub(/ #.*/, ""); print }' | sort -u
}
run command settings authorizedkeyscommand
patterns=$(settings authorizedkeysfile)
run patterns echo "$patterns"
expand() { # expand PATTERN: sshd's tokens %h %u %U %%
  path='' rest=$1
  while :; do
    case $rest in
      *%?*)
        path=$path${rest%%"%"*} rest=${rest#*"%"}
        case $rest in h*) path=$path$home ;; u*) path=$path$name ;; U*) path=$path$uid ;; %*) path=$path% ;; esac
        rest=${rest#?} ;;
      *) path=$path$rest && break ;;
    esac
  done
  case $path in /*) ;; *) path=$home/$path ;; esac
}
keys() {
  set --
  set -f
  while IFS=: read -r name _ uid _ _ home shell; do
    case $name:$shell in '#'* | [+-]* | :* | *:*/nologin | *:*/false) continue ;; esac
    [ ! -d "$home" ] || [ -x "$home" ] || echo "closed $name" # a home on a server that keeps root out
    for pattern in .ssh/authorized_keys .ssh/authorized_keys2 $patterns; do
      expand "$pattern"
      [ -f "$path" ] && set -- "$@" "owner=$name" "$path"
    done
  done </etc/passwd
  set +f
  [ "$#" -gt 0 ] || return 0
  # cloud-init gives root the key of the first user, with a command that only says to log in as that one
  awk 'function refuses(options) {
      gsub(/\\"[a-z0-9_-]+\\"/, "NAME", options)
      sub(/Please login as the user NAME rather than the user NAME[.]/, "NOTICE", options)
      return options ~ /(^|,)command="echo [^;&|]NOTICE[^;&|];echo;sleep 10(;exit 142)?"[ \t]?$/
    }
    /^[ \t]*#/ { next }
    match($0, /(^|[ \t])(ssh-|ecdsa-|sk-)[-a-z0-9@.]*[ \t]+AAAA[A-Za-z0-9+\/]+/) {
      if (substr($0, 1, RSTART) ~ /(^|[ ,\t])cert-authority[ ,\t]/) next
      if (owner == "root" && refuses(substr($0, 1, RSTART))) next
      key = substr($0, RSTART, RLENGTH); sub(/^.*[ \t]/, "", key); opens[owner] = 1
      if (!seen[key, owner]++) { owners[key] = owners[key] " " owner; number[key]++ }
    }
    END {
      for (name in opens) print "opens " name | "sort"
      for (key in owners) if (number[key] > 1) print "shared" owners[key] | "sort"
    }' "$@" || echo "closed file"
}
run keys keys
"""
)
_LIST: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "uid_zero_accounts": _LIST,
    "shared_user_ids": _LIST,
    "repeated_names": _LIST,
    "login_accounts": _LIST,
    "shared_keys": _LIST,
}
_NO_LOGIN = ("nologin", "false")
_MOST = 20


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the accounts with user id 0 (the kernel knows no other root), and those that are not one person's.

    As the C library does, white space before a name is passed over, and so are lines that begin with `#`.
    """
    output = read(capture)
    lines = [line.lstrip() for line in output.files.get(PASSWD, "").split("\n")]
    entries = [(number, line.split(":")) for number, line in enumerate(lines, 1) if line and line[0] != "#"]
    if not entries:
        return Observation.not_collected(f"{PASSWD} is empty or cannot be read")
    short = [number for number, fields in entries if len(fields) < 4 and not fields[0].startswith(("+", "-"))]
    if short:
        return Observation.error(f"{PASSWD}:{short[0]}: not a line of passwd(5)")
    roots = [(number, fields[0]) for number, fields in entries if _uid(fields) == 0]
    local = [(number, fields) for number, fields in entries if not fields[0].startswith(("+", "-"))]
    by_uid: dict[int, dict[str, int]] = {}
    by_name: dict[str, list[int]] = {}
    for number, fields in local:
        by_name.setdefault(fields[0], []).append(number)
        if (uid := _uid(fields)) is not None:
            by_uid.setdefault(uid, {}).setdefault(fields[0], number)
    shared = {uid: names for uid, names in sorted(by_uid.items()) if len(names) > 1}
    repeated = {name: numbers for name, numbers in by_name.items() if len(numbers) > 1}
    facts = {
        "uid_zero_accounts": [name for _, name in roots],
        "shared_user_ids": [f"{uid}: {', '.join(sorted(names))}" for uid, names in shared.items()],
        "repeated_names": sorted(repeated),
    }
    read_from = {
        "uid_zero_accounts": ", ".join(f"{PASSWD}:{number}" for number, _ in roots) or PASSWD,
        "shared_user_ids": _lines([number for names in shared.values() for number in names.values()]),
        "repeated_names": _lines([number for numbers in repeated.values() for number in numbers]),
    }
    if why := _no_keys(output, context):
        return Observation.of(facts, read_from, dict.fromkeys(("login_accounts", "shared_keys"), why))
    opens, keys = _keys(output)
    usable = set(output.run("usable").lines) | opens
    facts["login_accounts"] = sorted({fields[0] for _, fields in local if fields[0] in usable and _lets_in(fields)})
    facts["shared_keys"] = keys
    read_from["login_accounts"] = f"{PASSWD}, /etc/shadow, authorized_keys"
    read_from["shared_keys"] = ", ".join(output.run("patterns").text.split()) or "authorized_keys in ~/.ssh"
    return Observation.of(facts, read_from)


def _no_keys(output: Output, context: Context) -> str:
    if not context.system.privileged:
        return "/etc/shadow and the keys of other accounts need root"
    if "keys" not in output.runs:
        return "the section says nothing of keys: an older version wrote it"
    if commands := [line for line in output.run("command").lines if line.strip() != "none"]:
        return f"sshd asks a program for keys: {commands[0]}"
    if output.run("usable").status != 0 or output.run("keys").status != 0:
        raise CaptureUnreadable("/etc/shadow or the authorized_keys could not be read whole")
    closed = sorted(line for line in output.run("keys").lines if line.startswith("closed "))
    return f"keys cannot be read: {', '.join(closed[:_MOST])}" if closed else ""


def _keys(output: Output) -> tuple[set[str], list[str]]:
    """Return the accounts that have a key, and who has keys in common, with how many."""
    opens: set[str] = set()
    shared: Counter[str] = Counter()
    for line in output.run("keys").lines:
        kind, *names = line.split()
        if kind not in ("opens", "shared") or not names:
            raise CaptureUnreadable("the list of keys is not as the script writes it")
        if kind == "opens":
            opens.add(" ".join(names))
        else:
            shared[", ".join(sorted(names))] += 1
    return opens, [f"{names} ({count} in common)" for names, count in sorted(shared.items())][:_MOST]


def _lets_in(fields: Sequence[str]) -> bool:
    shell = fields[6].strip() if len(fields) > 6 else ""
    return shell.rpartition("/")[2] not in _NO_LOGIN


def _lines(numbers: Sequence[int]) -> str:
    return ", ".join(f"{PASSWD}:{number}" for number in sorted(numbers)[:_MOST]) or PASSWD


def _uid(fields: Sequence[str]) -> int | None:
    """Return a line's user id: atoi(3) as glibc reads it, so `00` and ` 0` are 0; NIS lines may set it."""
    uid = fields[2].strip() if len(fields) > 2 else ""
    digits = uid.lstrip("+-")
    return int(digits) % 2**32 if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


PROBE = Probe(
    id="linux.accounts",
    title="Accounts with the powers of root, and accounts that are shared",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=20,
    max_bytes=1024 * 1024,
)
