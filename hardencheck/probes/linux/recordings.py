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
absent when a given directory is not there, is on another machine's storage, or could not be read whole. All are absent
when the script was sent other directories than those that are to be judged, overdue_recordings also with other days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from posixpath import basename

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import block_devices, file_shares, purge_jobs, recording_trees
from hardencheck.probes.linux.block_devices import Storage, inside
from hardencheck.probes.linux.purge_commands import Target
from hardencheck.probes.linux.purge_jobs import Job
from hardencheck.probes.linux.recording_accounts import Accounts
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
    find "$1" -xdev -type f -size +0 "$test" "+$((recording_retention_days + 1))" -exec ls -ldn -- {} +
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
# shellcheck disable=SC2154 # given by the baseline
run 'asked recording_directories' printf '%s\n' "$recording_directories"
# shellcheck disable=SC2154 # given by the baseline
run 'asked recording_retention_days' printf '%s\n' "$recording_retention_days"
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
    if output.asked("recording_directories") != set(context.values.get("recording_directories", [])):
        return Observation.not_collected("the sweep looked at other recording_directories than these: sweep again")
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
    accounts = Accounts.of(output, context.values.get("recording_readers", []))
    for place in places:
        names = file_shares.names_of(place.path, storage)
        names += [place.given] if place.given and place.given not in names else []
        _read_by(answers["unlisted_readers"], place, output, storage, accounts)
        _linked(answers, place, places, output)
        answers["exporting_shares"].offenders += [
            f"{share.path} ({share.where}) hands out {place.path}"
            for share in file_shares.exporting(shares, names, storage)
        ]
        _overdue(answers["overdue_recordings"], place, output, context)
        target = _target(place, names, output, context)
        tree = recording_trees.parse(place.path, output.run(f"tree {place.number}").text)
        jobs = [
            replace(job, idle=job.idle or accounts.refuses(job.account, tree))
            for job in purge_jobs.jobs(output, target)
        ]
        limit = int(context.values.get("recording_retention_days", 90))
        _purged(answers["directories_without_purge"], place, target, jobs, limit)
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


def _read_by(answer: _Answer, place: _Place, output: Output, storage: Storage, accounts: Accounts) -> None:
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


def _overdue(answer: _Answer, place: _Place, output: Output, context: Context) -> None:
    limit = int(context.values.get("recording_retention_days", 90))
    if (asked := output.asked("recording_retention_days")) != {str(limit)}:
        answer.unclear.append(f"the sweep looked for files older than {'/'.join(asked)} days, not {limit}: sweep again")
        return
    for label, told in (("mtime", "by the time of the content (mtime)"), ("ctime", "by the last change to it (ctime)")):
        lines = output.run(f"{label} {place.number}").lines
        count, _, sample = lines[-1].partition(" ") if lines else ("", "", "")
        if lines[:-1] or not count.isdigit():
            answer.unclear.append(f"the age of the files in {place.path} could not be read whole")
        if count.isdigit() and int(count):
            files = "1 file" if int(count) == 1 else f"{count} files"
            answer.offenders.append(f"{place.path}: {files} older than {limit} days {told}, such as {sample}")


def _target(place: _Place, names: list[str], output: Output, context: Context) -> Target:
    """Return what jobs have to delete: files of each class and ending; without any, the usual ones."""
    tree = recording_trees.parse(place.path, output.run(f"tree {place.number}").text)
    start = len(recording_trees.shape(place.path))
    files = dict.fromkeys([*tree.endings, *(files.sample[start:].lstrip("/") for files in tree.files)])
    return Target(tuple(names), tuple(files) or ("call.wav", "call.mp3"), context.system.family == "debian")


def _purged(answer: _Answer, place: _Place, target: Target, jobs: list[Job], limit: int) -> None:
    """Note a directory in which the jobs that run leave files, or in which none runs."""
    left = set(target.files)
    for job in jobs:
        if not job.idle and job.days is not None and job.days <= limit:
            left &= job.left
    if not left:
        return
    if unclear := [job.where for job in jobs if not job.idle and job.days is None]:
        answer.unclear.append(f"{unclear[0]}: it is not clear after how many days this deletes in {place.path}")
        return
    late = [job for job in jobs if job.idle or (job.days or 0) > limit]
    why = sorted(f"{job.where}: {job.idle or f'deletes after {job.days:g} days only'}" for job in late)
    if len(left) < len(target.files):
        why.insert(0, f"no job deletes files such as {basename(sorted(left)[0])} in all places")
    answer.offenders.append(f"{place.path} ({why[0]})" if why else place.path)


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
