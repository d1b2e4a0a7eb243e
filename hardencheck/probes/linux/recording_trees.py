"""Who may read what lies in the directories that hold recordings.

On the host, one pass of find and ls reduces a tree to classes: files of equal mode, owner, group and list that lie in
directories of equal classes, all the way up to `/`. So two hundred thousand recordings become a few lines. A name with
odd characters counts by its shape (`?`); where two directories could be mixed up by that, the class says so.

A recording can be read by whoever may read the file and may search every directory above it. There may be other ways to
the same file: a second mount (a bind mount), or a hard link. The first is judged by the directories above that mount,
the second cannot be followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hardencheck.probes.linux.block_devices import Mount, Storage, inside
from hardencheck.probes.linux.file_access import READ, SEARCH, Entry, Inode, Subject, entries, may, mode_bits

#: Functions for a probe's script. `tree DIRECTORY [PATH...]` writes the classes of a directory without links in its
#: path; of the paths, where its file system is mounted as well, it writes the directories above.
#:   A ID ENTRY,ENTRY...                               an access control list (getfacl -n)
#:   D ID PARENT MODE UID GID LIST SAMPLE              a class of directories; LIST is `-`, an id, or `?`
#:   P ID PATH                                         the class of the directory itself, and of those above
#:   F DIRECTORY MODE UID GID LIST LINKED COUNT SAMPLE a class of files; LINKED is 1 where they have further hard links
#:   E DEPTH NAME                                      a file of each ending (.wav), the deepest one
#:   X WHAT                                            something that could not be read
FUNCTIONS = r"""
above() {
  for path do
    while [ -n "$path" ]; do
      printf '%s\n' "$path"
      path=${path%/*}
    done
  done
  echo /
}
chain() {
  command=$1
  shift
  IFS='
'
  set -f
  # shellcheck disable=SC2046 # one path a line
  set -- $(above "$@" | sort -u)
  set +f
  unset IFS
  "$command" "$@"
}
show_modes() { ls -ldn -- "$@"; }
show_lists() { getfacl -P -n -p -s -- "$@"; }
tree() {
  quiet=
  if ls -ldnq / >/dev/null 2>&1; then quiet=-q; fi
  {
    if command -v getfacl >/dev/null; then
      chain show_lists "$@"
      find "$1" -xdev -maxdepth 12 \( -type d -o -type f \) -exec getfacl -P -n -p -s -- {} +
    else
      # GNU ls marks a list with +, busybox does not
      case $(ls --version 2>/dev/null) in *GNU*) ;; *) echo '@unsure' ;; esac
    fi
    echo '@list'
    chain show_modes "$@"
    echo '@tree'
    find "$1" -xdev -maxdepth 12 \( -type d -o -type f \) -exec ls -ldn ${quiet:+"$quiet"} -- {} +
    echo "@end $?"
  } 2>&1 | tree=$1 awk '
    BEGIN { tree = shape(ENVIRON["tree"]); base = gsub(/\//, "/", tree); sure = 1 }
    /^@unsure$/ && !part { sure = 0; next }
    function shape(name) { gsub(/\\/, "?", name); gsub(/[^ -~]/, "?", name); return name }
    function trouble(what) { if (++troubles <= 5) print "X " what }
    /^@list$/ && !part { part = 1; next }
    /^@tree$/ && part == 1 { part = 2; next }
    /^@end [01]$/ && part == 2 { part = 3; next }
    part == 0 && /^# file: / {
      name = substr($0, 9)
      gsub(/\\\\/, "?", name)
      gsub(/\\[0-7][0-7][0-7]/, "?", name)
      name = shape(name)
      text = ""
      next
    }
    part == 0 && /^(#|getfacl: .*: No such file or directory$)/ { next }
    part == 0 && NF {
      sub(/\t.*/, "")
      text = text (text == "" ? "" : ",") $0
      next
    }
    part == 0 {
      if (text == "") next
      if (!(text in lists)) { lists[text] = ++list_count; if (list_count <= 200) print "A " list_count " " text }
      if (!(name in list)) list[name] = lists[text]
      else if (list[name] != lists[text]) list[name] = "?"
      text = ""
      next
    }
    !match($0, /^[-d][-rwxsStT]+[.+@]? +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[A-Z][a-z][a-z] +[0-9]+ +[0-9:]+ /) {
      if ($0 !~ /: No such file or directory$/) trouble("a line of ls: " substr(shape($0), 1, 80))
      next
    }
    {
      name = shape(substr($0, RLENGTH + 1))
      acl = (name in list) ? list[name] : $1 ~ /[+@]$/ || !sure ? "?" : "-"
      up = name
      if (name == "/") up = ""
      else { sub(/\/[^\/]*$/, "", up); if (up == "") up = "/" }
      parent = up == "" ? 0 : class[up]
      if (up != "" && parent == "") { trouble("no directory was seen above " substr(name, 1, 80)); next }
      key = parent " " $1 " " $3 " " $4 " " acl
    }
    /^d/ {
      if (!(key in ids)) {
        ids[key] = ++id_count
        if (id_count <= 400) print "D " id_count " " key " " name
      }
      if ((name in class) && class[name] != ids[key]) trouble("two directories look like " substr(name, 1, 80))
      class[name] = ids[key]
      if (part == 1) print "P " ids[key] " " name
      if (part == 2 && gsub(/\//, "/", name) - base >= 12) trouble("directories deeper than 12 were not looked into")
      next
    }
    {
      key = key " " ($2 > 1 ? 1 : 0)
      if (!(key in count)) order[++kinds] = key
      count[key]++
      if (!(key in sample) || name < sample[key]) sample[key] = name
      depth = gsub(/\//, "/", name) - base
      sub(/.*\//, "", name)
      ending = match(name, /[.][A-Za-z0-9]+$/) && RLENGTH < 8 ? substr(name, RSTART) : ""
      if (!(ending in deep) && ++endings > 40) next
      if (!(ending in deep) || depth > deep[ending]) { deep[ending] = depth; called[ending] = name }
    }
    END {
      if (part < 3) trouble("the list of files was broken off")
      if (id_count > 400 || kinds > 400 || list_count > 200) trouble("too many different modes to list")
      for (ending in deep) if (ending in called) print "E " deep[ending] " " called[ending]
      for (number = 1; number <= kinds && number <= 400; number++)
        print "F " order[number] " " count[order[number]] " " sample[order[number]]
    }'
}
"""

Lists = Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True, slots=True)
class Directory:
    """A class of directories: its parent's id (0 above `/`), its inode and one of its names."""

    parent: str
    inode: Inode
    sample: str


@dataclass(frozen=True, slots=True)
class Files:
    """A class of files: the class of their directory, their inode, how many they are and the name of one."""

    directory: str
    inode: Inode
    linked: bool
    count: int
    sample: str
    mode: str


@dataclass(slots=True)
class Tree:
    """The classes below one directory; `endings` holds the path in it of one file of each ending.

    `troubles` is what could not be read.
    """

    path: str
    directories: dict[str, Directory] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)
    files: list[Files] = field(default_factory=list)
    future: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    endings: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def inodes(self) -> Iterator[Inode]:
        """Yield every inode that decides."""
        yield from (directory.inode for directory in self.directories.values())
        yield from (files.inode for files in self.files)

    def way(self, number: str) -> list[Directory]:
        """Return the directories from a class up to `/`."""
        found = []
        while number != "0":
            found.append(self.directories[number])
            number = self.directories[number].parent
        return found

    def below(self, number: str) -> list[Directory] | None:
        """Return the directories from a class up to the tree's own; None when it does not lie in the tree."""
        own, found = self.above.get(shape(self.path)), []
        while number != "0":
            found.append(self.directories[number])
            if number == own:
                return found
            number = self.directories[number].parent
        return None


@dataclass(slots=True)
class Readers:
    """What somebody who is not on the list may do, and what could not be told."""

    offenders: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


def parse(path: str, text: str) -> Tree:
    """Read what `tree` wrote; a line that it would not write is trouble."""
    tree, lists = Tree(path), {}
    defaults: dict[str, tuple[Entry, ...]] = {}
    for line in text.rstrip("\n").split("\n"):
        kind, _, rest = line.partition(" ")
        words = rest.split(" ", 6 if kind == "D" else 7 if kind == "F" else 1)
        try:
            if kind == "A":
                lists[words[0]], defaults[words[0]] = _lists(words[1])
            elif kind == "D":
                tree.directories[words[0]] = Directory(words[1], _inode(words[2:6], lists), words[6])
                if words[1] != "0":
                    _ = tree.directories[words[1]]
                if defaults.get(words[5]):
                    tree.future[words[0]] = defaults[words[5]]
            elif kind == "P":
                tree.above[words[1]] = words[0]
            elif kind == "F":
                _ = tree.directories[words[0]]
                inode = _inode(words[1:5], lists)
                tree.files.append(Files(words[0], inode, words[5] == "1", int(words[6]), words[7], words[1]))
            elif kind == "E":
                tree.endings.append("*/" * (int(words[0]) - 1) + words[1])
            else:
                tree.troubles.append(rest if kind == "X" else "the list of files cannot be read")
        except (IndexError, KeyError, ValueError):
            tree.troubles.append("the list of files cannot be read")
    if not tree.troubles and shape(path) not in tree.above:
        tree.troubles.append("the list of files does not hold the directory itself")
    return tree


def shape(path: str) -> str:
    """Return a path as the host's list shows it: a `?` for each byte that is not plain ASCII, and for a backslash."""
    return "".join(letter if " " <= letter <= "~" and letter != "\\" else "?" * len(letter.encode()) for letter in path)


def readers(tree: Tree, subjects: Mapping[str, Subject], storage: Storage | None) -> Readers:
    """Tell what these subjects, who should not, may read or list; `subjects` names each as the text should."""
    found = Readers(unclear=list(dict.fromkeys(f"{tree.path}: {trouble}" for trouble in tree.troubles)))
    mount = storage.mount_of(tree.path) if storage else None
    for files in tree.files:
        way = tree.way(files.directory)
        told = f"{files.sample} ({files.mode} {files.inode.owner}:{files.inode.group}, {files.count} such)"
        _judge(found, subjects, [(files.inode, READ), *_search(way)], f"may read {told}")
        if files.linked:
            probe = Readers()
            _judge(probe, subjects, [(files.inode, READ)], "")
            closed = Readers()
            _judge(closed, subjects, [(files.inode, READ), *_search(way)], "")
            if probe.offenders and not closed.offenders:
                found.unclear.append(f"{told} has further hard links, whose directories are not known")
    for number in tree.directories:
        inner = tree.below(number)
        if inner is None:
            continue
        way, directory = tree.way(number), tree.directories[number]
        wanted = [(directory.inode, READ), *_search(way)]
        _judge(found, subjects, wanted, f"may list the names in {directory.sample}")
        if future := tree.future.get(number):
            new = Inode(_default_mode(future), directory.inode.owner, directory.inode.group, future)
            _judge(
                found,
                subjects,
                [(new, READ), *_search(way)],
                f"may read new files in {directory.sample} (default list)",
            )
    if storage is not None and mount is not None:
        for other in storage.mounts:
            if other is not mount and other.number == mount.number:
                _other_mount(found, tree, subjects, mount, other)
    return found


def _other_mount(found: Readers, tree: Tree, subjects: Mapping[str, Subject], mount: Mount, other: Mount) -> None:
    """Judge the way to the same files through another mount of their file system."""
    inner = mount.root.rstrip("/") + tree.path[len(mount.point.rstrip("/")) :]
    if not (inside(inner, other.root) or inside(other.root, inner)):
        return
    if other.point in ("/", tree.path) or (inside(other.point, tree.path) and other.root == inner):
        return  # mounted over, or judged as a tree of its own
    number = tree.above.get(shape(other.point))
    if number is None:
        found.unclear.append(f"{tree.path} is also mounted at {other.point}, whose directories could not be seen")
        return
    way = _search(tree.way(number))
    for files in tree.files:
        within = [] if not inside(inner, other.root) else tree.below(files.directory) or []
        _judge(
            found,
            subjects,
            [(files.inode, READ), *way, *_search(within)],
            f"may read {files.sample} through the mount at {other.point}",
        )
    for number, directory in tree.directories.items():
        inner_way = tree.below(number)
        if inner_way is not None:
            within = inner_way if inside(inner, other.root) else []
            wanted = [(directory.inode, READ), *way, *_search(within)]
            _judge(
                found, subjects, wanted, f"may list the names in {directory.sample} through the mount at {other.point}"
            )


def _judge(found: Readers, subjects: Mapping[str, Subject], wanted: list[tuple[Inode, int]], what: str) -> None:
    """Note who may do all that is wanted; whom everybody includes is not named again."""
    for name, subject in subjects.items():
        answers = [may(subject, inode, bit) for inode, bit in wanted]
        if False in answers:
            continue
        if None in answers:
            found.unclear.append(f"an access control list that could not be read decides whether {name} {what}")
        else:
            found.offenders.append(f"{name} {what}")
        if subject.user is None and not subject.groups:
            return


def _search(directories: list[Directory]) -> list[tuple[Inode, int]]:
    return [(directory.inode, SEARCH) for directory in directories]


def _inode(words: list[str], lists: Lists) -> Inode:
    mode, owner, group, number = words
    bits = mode_bits(mode)
    if bits is None:
        raise ValueError(mode)
    return Inode(bits, int(owner), int(group), () if number in "-?" else lists[number], number == "?")


def _lists(text: str) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Return the entries of a list (none where there are only those of the mode), and those that new files get."""
    lines = text.split(",")
    own = entries(line for line in lines if not line.startswith("default:"))
    new = entries(line.removeprefix("default:") for line in lines if line.startswith("default:"))
    if own is None or new is None:
        raise ValueError(text)
    return (own if any(entry.number is not None or entry.kind == "mask" for entry in own) else ()), new


def _default_mode(found: tuple[Entry, ...]) -> int:
    """Return the mode of a new file that a default list leaves the most: its mask stands in the group's place."""
    bits = {entry.kind: entry.bits for entry in found if entry.number is None}
    return bits.get("user", 0) << 6 | bits.get("mask", bits.get("group", 0)) << 3 | bits.get("other", 0)
