"""Call recordings: who may read them, who hands them out, whether they are deleted in time and encrypted on disk.

Reads: the directories of the value recording_directories, and well-known ones (Asterisk, FreeSWITCH, OrkAudio, 3CX,
rtpengine) that hold files: mode, owner, group and access control list of everything in them and of every directory
above; account and group names; exports, Samba, web, rsync and FTP settings; cron, tmpfiles.d, logrotate, timers; the
devices below.
Needs: root.
Facts (lists of sentences about what is wrong):
  unlisted_readers       accounts beside root and recording_readers that may read recordings, or list their names
  exporting_shares       shares and web roots that reach a directory
  overdue_recordings     directories with files older than recording_retention_days (and a day, for the job that deletes
                         at night): by the time of the content, which copying with rsync -a or cp -p keeps, or else by
                         the time of the last change to the inode, which nobody can set back
  directories_without_purge  directories in which no active job deletes files of that age
  unencrypted_recordings  directories whose data reach a disk without encryption
  undeclared_directories  well-known directories that hold files and are not in the value
Absent when: no directory is given, and no well-known one holds files (not_applicable). A fact without offenders is
absent when a given directory is not there, is on another machine's storage, or could not be read whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import basename

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import block_devices, file_shares, purge_jobs, recording_trees
from hardencheck.probes.linux.block_devices import Storage, inside
from hardencheck.probes.linux.file_access import Inode, Subject
from hardencheck.probes.output import Output, read

SCRIPT = (
    block_devices.FUNCTIONS
    + recording_trees.FUNCTIONS
    + file_shares.FUNCTIONS
    + purge_jobs.FUNCTIONS
    + r"""
places() {
  IFS='
'
  set -f
  # shellcheck disable=SC2154 # given by the baseline
  for path in $recording_directories; do
    if [ -d "$path" ]; then printf 'given\t%s\t%s\n' "$(readlink -f "$path")" "$path"
    else printf 'absent\t\t%s\n' "$path"
    fi
  done
  set +f
  unset IFS
  for path in /var/spool/asterisk/monitor /var/spool/asterisk/monitorDONE /var/lib/freeswitch/recordings \
    /usr/local/freeswitch/recordings /var/log/orkaudio /var/lib/3cxpbx/Instance1/Data/Recordings \
    /var/spool/rtpengine /var/spool/recording; do
    [ -d "$path" ] || continue
    first=$(find "$path/" -maxdepth 6 -type f -size +0 2>/dev/null | head -n 1)
    [ -z "$first" ] || printf 'found\t%s\t%s\n' "$(readlink -f "$path")" "$path"
  done
}
other_mounts() {
  directory=$1 awk '
    { points[NR] = $5; numbers[NR] = $3 }
    index(ENVIRON["directory"] "/", ($5 == "/" ? "" : $5) "/") == 1 && length($5) >= length(best) {
      best = $5
      own = NR
    }
    END {
      for (line = 1; line <= NR; line++)
        if (line != own && (numbers[line] == numbers[own] || index(points[line], ENVIRON["directory"] "/") == 1))
          if (++count <= 30) print points[line]
    }' /proc/self/mountinfo
}
old() {
  test=$1
  shift
  # shellcheck disable=SC2154 # given by the baseline
  {
    find "$1" -xdev -maxdepth 12 -type f -size +0 "$test" "+$((recording_retention_days + 1))" -exec ls -ldn -- {} +
    echo "@end $?"
  } 2>&1 | awk '
    match($0, /^-[^ ]* +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[A-Z][a-z][a-z] +[0-9]+ +[0-9:]+ \//) {
      name = substr($0, RLENGTH)
      if (!count++ || name < first) first = name
      next
    }
    /^@end [01]$/ { whole = 1 }
    /: No such file or directory$/ { next }
    /^(find|ls): / { trouble = 1 }
    END { if (trouble || !whole) print "X"; print count + 0 " " first }'
}
links_out() {
  find "$1" -xdev -maxdepth 4 -type l -exec ls -ldn -- {} + 2>/dev/null | grep -E ' -> (/|.*\.\./)' | sort | head -n 500
}
look() {
  number=$((number + 1))
  run "path $number" printf '%s' "$1"
  # shellcheck disable=SC2046 # one path a line
  run "tree $number" tree "$1" $(other_mounts "$1" | while read -r path; do printf '%b\n' "$path"; done)
  run "mtime $number" old -mtime "$1"
  run "ctime $number" old -ctime "$1"
  run "links $number" links_out "$1"
}
found=$(places)
run places printf '%s\n' "$found"
if printf '%s\n' "$found" | grep -qE '^(given|found)'; then
  number=0
  names=$(printf '%s\n' "$found" | cut -f 2 | grep . | sort -u)
  all=$(printf '%s\n' "$found" | cut -f 2,3 | tr '\t' '\n' | grep . | sort -u)
  IFS='
'
  set -f
  for place in $names; do
    unset IFS
    look "$place"
  done
  set +f
  unset IFS
  storage
  run accounts cut -d : -f 1,3,4 /etc/passwd
  run groups cut -d : -f 1,3,4 /etc/group
  run nsswitch grep -E '^[[:space:]]*(passwd|group|initgroups):' /etc/nsswitch.conf
  shares
  purges "$all"
fi
"""
)

_TEXTS: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = dict.fromkeys(
    (
        "unlisted_readers",
        "exporting_shares",
        "overdue_recordings",
        "directories_without_purge",
        "unencrypted_recordings",
        "undeclared_directories",
    ),
    _TEXTS,
)
_LIMIT = 20


@dataclass(slots=True)
class _Answer:
    """One fact: what is wrong, and what could not be told."""

    offenders: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """A directory that was looked at: its path without links, its number in the items, and whether a site named it."""

    path: str
    number: str
    given: str


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is wrong with each directory of recordings."""
    output = read(capture)
    rows = [line.split("\t") for line in output.run("places").lines if line]
    if any(len(row) != 3 or row[0] not in ("given", "absent", "found") for row in rows):
        raise CaptureUnreadable("the list of directories cannot be read")
    if not rows:
        return Observation.not_applicable(
            "recording_directories names no directory for this host, and no well-known one holds files"
        )
    absent = [f"{row[2]} is given as a directory of recordings, but is not there" for row in rows if row[0] == "absent"]
    places = _places(output, rows)
    answers = {name: _Answer(unclear=list(absent)) for name in FACTS}
    answers["undeclared_directories"] = _Answer([place.path for place in places if not place.given], list(absent))
    if places:
        _judge(answers, places, output, context)
    names = ", ".join(sorted({place.given or place.path for place in places}))
    facts, read_from, missing = {}, {}, {}
    for name, answer in answers.items():
        if answer.offenders or not answer.unclear:
            offenders = sorted(set(answer.offenders))
            more = [f"and {len(offenders) - _LIMIT} more"] if len(offenders) > _LIMIT else []
            facts[name] = offenders[:_LIMIT] + more
            read_from[name] = names
        else:
            missing[name] = "; ".join(dict.fromkeys(answer.unclear))
    return Observation.of(facts, read_from, missing)


def _places(output: Output, rows: list[list[str]]) -> list[_Place]:
    numbers = {run.text: label.removeprefix("path ") for label, run in output.runs.items() if label.startswith("path ")}
    given = {row[1]: row[2] for row in rows if row[0] == "given"}
    found = {row[1]: "" for row in rows if row[0] == "found" and not any(inside(row[1], path) for path in given)}
    if missed := sorted(set(given | found) - set(numbers)):
        raise CaptureUnreadable(f"{missed[0]} was not looked at")
    return [_Place(path, numbers[path], name) for path, name in sorted((found | given).items())]


def _judge(answers: Mapping[str, _Answer], places: list[_Place], output: Output, context: Context) -> None:
    storage = block_devices.of(output)
    if isinstance(storage, str):
        for answer in answers.values():
            answer.unclear.append(storage)
        return
    shares, unclear = file_shares.of(output)
    answers["exporting_shares"].unclear.extend(unclear)
    accounts = _Accounts.of(output, context.values.get("recording_readers", []))
    for place in places:
        names = file_shares.names_of(place.path, storage)
        names += [place.given] if place.given and place.given not in names else []
        _read_by(answers["unlisted_readers"], place, output, storage, accounts)
        _linked(answers, place, places, output)
        answers["exporting_shares"].offenders += [
            f"{share.path} ({share.where}) hands out {place.path}"
            for share in file_shares.exporting(shares, names, storage)
        ]
        _purged(answers, place, names, output, context)
        _encrypted(answers["unencrypted_recordings"], place, storage, context.system.container)
        below = [
            mount.point for mount in storage.mounts if inside(mount.point, place.path) and mount.point != place.path
        ]
        for point in below:
            if not any(other.path == point for other in places):
                for name in ("unlisted_readers", "overdue_recordings", "directories_without_purge"):
                    answers[name].unclear.append(
                        f"{point} is mounted within {place.path}: give it as a directory of its own"
                    )


@dataclass(frozen=True)
class _Accounts:
    """The local accounts and groups, and whom the site allows to read; `remote`: a directory service knows more."""

    users: Mapping[str, Subject]
    groups: Mapping[int, str]
    listed: frozenset[str]
    remote: bool
    trouble: str = ""

    @classmethod
    def of(cls, output: Output, readers: Iterable[str]) -> _Accounts:
        """Read passwd(5) and group(5), as awk cut them; NIS lines count as a directory service."""
        members: dict[str, set[int]] = {}
        groups: dict[int, str] = {}
        remote = False
        for line in output.run("groups").lines:
            name, number, names = (*line.split(":"), "", "")[:3]
            if not number.isdigit():
                remote = remote or name.startswith("+")
                continue
            groups.setdefault(int(number), name)
            for member in names.split(","):
                members.setdefault(member.strip(), set()).add(int(number))
        users = {}
        for line in output.run("accounts").lines:
            name, number, group = (*line.split(":"), "", "")[:3]
            if not number.isdigit() or not group.isdigit():
                remote = remote or name.startswith("+")
                continue
            users[name] = Subject(int(number), frozenset({int(group), *members.get(name, ())}))
        words = {word for line in output.run("nsswitch").lines for word in line.partition("#")[0].split()[1:]}
        remote = remote or bool(words & {"ldap", "sss", "winbind", "nis", "nisplus", "hesiod", "compat"} - {"compat"})
        allowed = set(readers)
        listed = {
            name
            for name, subject in users.items()
            if name in allowed or any(f"%{groups.get(number, '')}" in allowed for number in subject.groups)
        }
        trouble = "" if users and groups else "/etc/passwd or /etc/group cannot be read"
        return cls(users, groups, frozenset(listed | allowed), remote, trouble)

    def unlisted(self, inodes: Iterable[Inode]) -> dict[str, Subject]:
        """Return whom to ask about: everybody, and each account whose id or groups these inodes name."""
        owners, groups = set(), set()
        for inode in inodes:
            owners |= {inode.owner, *(entry.number for entry in inode.entries if entry.kind == "user")}
            groups |= {inode.group, *(entry.number for entry in inode.entries if entry.kind == "group")}
        found = {"everybody": Subject(None, frozenset())}
        alike: dict[Subject, list[str]] = {}
        for name, subject in sorted(self.users.items()):
            if subject.user and name not in self.listed and (subject.user in owners or subject.groups & groups):
                owner = subject.user if subject.user in owners else None
                alike.setdefault(Subject(owner, subject.groups & groups), []).append(name)
        for subject, names in alike.items():
            found[names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} others like it"] = subject
        known = {subject.user for subject in self.users.values()}
        for owner in sorted(number for number in owners - known if number):
            found[f"user id {owner} (no local account)"] = Subject(owner, frozenset())
        return found

    def remote_groups(self, inodes: Iterable[Inode]) -> dict[str, Subject]:
        """Return the groups that may have further members in a directory service."""
        if not self.remote:
            return {}
        numbers = {inode.group for inode in inodes}
        numbers |= {
            entry.number for inode in inodes for entry in inode.entries if entry.kind == "group" and entry.number
        }
        return {
            f"members of {name or number} in the directory service": Subject(None, frozenset({number}))
            for number in sorted(numbers)
            if number and f"%{(name := self.groups.get(number, ''))}" not in self.listed
        }


def _read_by(answer: _Answer, place: _Place, output: Output, storage: Storage, accounts: _Accounts) -> None:
    listed = output.run(f"tree {place.number}")
    tree = recording_trees.parse(place.path, listed.text)
    if listed.status:
        answer.unclear.append(f"{place.path}: the list of files was broken off")
    inodes = list(tree.inodes)
    found = recording_trees.readers(tree, accounts.unlisted(inodes), storage)
    answer.offenders += found.offenders
    answer.unclear += found.unclear
    if accounts.trouble:
        answer.unclear.append(accounts.trouble)
    remote = recording_trees.readers(tree, accounts.remote_groups(inodes), storage)
    answer.unclear += [f"it is not known whether {offender}" for offender in remote.offenders[:3]]
    mount = storage.mount_of(place.path)
    if mount is None or mount.elsewhere:
        where = f"{mount.kind} ({mount.source})" if mount else "no file system that can be seen"
        answer.unclear.append(f"{place.path} is on {where}: who else reads it is decided there")


def _linked(answers: Mapping[str, _Answer], place: _Place, places: list[_Place], output: Output) -> None:
    """Note links in a directory that lead out of all directories: what lies there was not looked at."""
    for line in output.run(f"links {place.number}").lines:
        target = line.partition(" -> ")[2]
        if not any(inside(target, other.path) for other in places):
            why = f"{place.path} holds links that lead elsewhere, such as to {target}: give that directory, too"
            for name, answer in answers.items():
                if name != "undeclared_directories":
                    answer.unclear.append(why)
            return


def _purged(answers: Mapping[str, _Answer], place: _Place, names: list[str], output: Output, context: Context) -> None:
    limit = int(context.values.get("recording_retention_days", 90))
    for label, told in (("mtime", "by the time of the content (mtime)"), ("ctime", "by the last change to it (ctime)")):
        lines = output.run(f"{label} {place.number}").lines
        count, _, sample = lines[-1].partition(" ") if lines else ("", "", "")
        if lines[:-1] or not count.isdigit():
            answers["overdue_recordings"].unclear.append(
                f"the age of the files in {place.path} could not be read whole"
            )
        if count.isdigit() and int(count):
            answers["overdue_recordings"].offenders.append(
                f"{place.path}: {count} files older than {limit} days {told}, such as {sample}"
            )
    target = purge_jobs.Target(tuple(names), _file_names(output, place), context.system.family == "debian")
    jobs = list(purge_jobs.jobs(output, target))
    answer = answers["directories_without_purge"]
    if any(not job.idle and job.days is not None and job.days <= limit for job in jobs):
        return
    if any(not job.idle and job.days is None for job in jobs):
        where = next(job.where for job in jobs if not job.idle and job.days is None)
        answer.unclear.append(f"{where}: it is not clear after how many days this deletes in {place.path}")
        return
    why = sorted(f"{job.where}: {job.idle or f'deletes after {job.days:g} days only'}" for job in jobs)
    answer.offenders.append(f"{place.path} ({why[0]})" if why else place.path)


def _file_names(output: Output, place: _Place) -> tuple[str, ...]:
    """Return names of files in a directory, one of each class; where there are none yet, such as recorders give."""
    tree = recording_trees.parse(place.path, output.run(f"tree {place.number}").text)
    return tuple(basename(files.sample) for files in tree.files) or ("call.wav", "call.mp3")


def _encrypted(answer: _Answer, place: _Place, storage: Storage, container: str | None) -> None:
    if container:
        answer.unclear.append(f"a container ({container}): the disks beneath {place.path} belong to its host")
        return
    points = [place.path, *(mount.point for mount in storage.mounts if inside(mount.point, place.path))]
    for point in dict.fromkeys(points):
        found = storage.beneath_path(point)
        if found.plain:
            answer.offenders.append(f"{point} on {', '.join(sorted(set(found.plain)))}")
        answer.unclear += found.unclear


PROBE = Probe(
    id="linux.recordings",
    title="Call recordings",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=45,
    parameters={
        "recording_directories": _TEXTS,
        "recording_readers": _TEXTS,
        "recording_retention_days": {"type": "integer"},
    },
)
