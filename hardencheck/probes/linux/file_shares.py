"""Which programs hand out a directory to other machines: NFS, Samba, web servers, rsync, FTP and TFTP.

Only directives that name a directory are taken from the host (no passwords). A share counts when it is the directory,
lies in it, or lies above it; who may log in to the share does not matter, nor whether the service runs at this moment.
NFS stops at mount points unless the export says crossmnt (exports(5)). A path is cut at the first variable (`$host`,
`%U`), so that everything which it might mean counts. A directory has several names when it is mounted at several
places.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from posixpath import dirname, join, normpath

from hardencheck.probes.linux.block_devices import Storage, inside, unescape
from hardencheck.probes.output import Output

#: Functions for a probe's script. `shares` writes the items that `of` reads.
FUNCTIONS = r"""
share_words='root|alias|documentroot|virtualdocumentroot|scriptalias|scriptaliasmatch|aliasmatch|path|directory|include'
share_words="$share_words|includeoptional|import|config file|copy|config backend|registry shares|&include|&merge"
share_words="$share_words|anon_root|local_root|<anonymous|defaultroot|server\\.document-root|alias\\.url|tftp_directory"
settings() {
  set --
  for path in /etc/nginx /etc/apache2 /etc/httpd /etc/lighttpd /etc/caddy /etc/samba /etc/ksmbd /etc/vsftpd.conf \
    /etc/vsftpd /etc/proftpd /etc/proftpd.conf /etc/rsyncd.conf /etc/rsyncd.d /etc/default/tftpd-hpa \
    /var/lib/samba/usershares; do
    [ ! -e "$path" ] || { printf '@have %s\n' "$path"; set -- "$@" "$path"; }
  done
  [ "$#" -gt 0 ] || return 0
  find -L "$@" -maxdepth 4 -type f -size -2048 ! -path '*-available/*' -exec grep -HniE \
    "(^|[[:space:];{])($share_words)([[:space:]=*~>]|\$)|=>|^[[:space:]]*\\[homes\\]" {} + | sort | head -n 1000
}
links() {
  set --
  roots=$(printf '%s\n' "$1" | sed -n 's/.*[Rr]oot[[:space:]]\{1,\}"\{0,1\}\(\/[^ ";]*\).*/\1/p' | sort -u | head -n 20)
  for path in /var/www /srv/www /srv/http /usr/share/nginx/html $roots; do
    [ ! -d "$path" ] || [ "$path" = / ] || set -- "$@" "$path"
  done
  [ "$#" -gt 0 ] || return 0
  find "$@" -xdev -maxdepth 4 -type l -exec ls -ldn -- {} + | grep -E ' -> (/|\.\./)' | sort -u | head -n 500
}
# directories that are named, and where their links lead
real() {
  IFS='
'
  set -f
  for path in $({
    cat /etc/exports /etc/exports.d/*.exports /var/lib/nfs/etab 2>/dev/null
    printf '%s\n' "$1"
  } | tr '"' ' ' | tr "\t'" '  ' | grep -oE '/[^] (),;<=>{}|$%*?[]+' | sort -u | head -n 500); do
    [ ! -d "$path" ] || ! cd -P "$path" || [ "$PWD" = "${path%/}" ] || printf '%s\t%s\n' "$path" "$PWD"
  done
  set +f
  unset IFS
}
shares() {
  set -- /etc/exports /var/lib/nfs/etab
  for path in /etc/exports.d/*.exports; do
    [ ! -e "$path" ] || set -- "$@" "$path"
  done
  files "$@"
  found=$(settings)
  run settings printf '%s\n' "$found"
  run links links "$found"
  run real real "$found"
}
"""

_DEFAULTS = {
    "/etc/nginx": ("/usr/share/nginx/html", "/var/www/html"),
    "/etc/apache2": ("/var/www/html", "/srv/www/htdocs"),
    "/etc/httpd": ("/var/www/html",),
    "/etc/lighttpd": ("/var/www/html",),
    "/etc/vsftpd.conf": ("/srv/ftp", "/var/ftp"),
    "/etc/vsftpd": ("/srv/ftp", "/var/ftp"),
    "/etc/proftpd": ("/srv/ftp", "/var/ftp"),
}
_KNOWN_INCLUDES = ("/usr/share/nginx", "/etc/letsencrypt", "/usr/share/apache2", "/etc/apache2", "/etc/phpmyadmin")
_SETTING = re.compile(
    r"""(?:^|[\s;{])(?P<word>root|alias|documentroot|virtualdocumentroot|scriptalias|scriptaliasmatch|aliasmatch|path|directory
    |includeoptional|include|import|config\ file|config\ backend|registry\ shares|&include|&merge|anon_root|local_root
    |<anonymous|defaultroot|server\.document-root|alias\.url|tftp_directory)(?=[\s=*~>]|$)(?P<rest>[^;{}]*)|=>(?P<target>[^;{},)]*)""",
    re.IGNORECASE | re.VERBOSE,
)
_TOKEN = re.compile(r'"([^"]*)"|\'([^\']*)\'|([^\s"\'=>]+)')
_INCLUDES = {"include", "includeoptional", "import", "config file", "&include", "&merge"}


@dataclass(frozen=True, slots=True)
class Share:
    """A directory that is handed out, where that is written, and whether mount points below it are, too."""

    path: str
    where: str
    crosses: bool = True


def of(output: Output) -> tuple[list[Share], list[str]]:
    """Return the shares of a host, and what could not be told."""
    unclear: list[str] = []
    shares = [
        share
        for path, body in sorted(output.files.items())
        if path.startswith(("/etc/exports", "/var/lib/nfs/"))
        for share in _exports(path, body)
    ]
    unclear += [f"{path} cannot be read" for path in sorted(output.unreadable) if path.startswith("/etc/exports")]
    settings = output.run("settings").lines
    have = {line.removeprefix("@have ") for line in settings if line.startswith("@have ")}
    shares += [Share(root, f"default of {path}") for path in sorted(have) for root in _DEFAULTS.get(path, ())]
    if len(settings) - len(have) >= 1000 or len(output.run("links").lines) >= 500:
        unclear.append("there are too many settings or links of web servers to look at")
    for line in settings:
        found = re.fullmatch(r"(/[^:]*):(\d+):(.*)", line)
        if found is None or found[3].lstrip().startswith(("#", ";")) or _is_copy(found[1]):
            continue
        for word, path in _paths(found[1], found[3]):
            if word not in _INCLUDES:
                shares.append(Share(path, f"{found[1]}:{found[2]}"))
            elif not _read(path, have):
                unclear.append(f"{found[1]}:{found[2]} includes {path}, which was not read")
    for line in output.run("links").lines:
        link, _, target = line.partition(" -> ")
        if found := re.search(r"\d+ +[\d:]+ (/.*)", link):
            shares.append(
                Share(normpath(join(dirname(found[1]), target)), f"link {found[1]} in a web server's directory")
            )
    real = output.runs["real"].lines if "real" in output.runs else []
    ends = {normpath(path): end for path, _, end in (line.partition("\t") for line in real)}
    shares += [replace(share, path=ends[share.path]) for share in shares if share.path in ends]
    return shares, unclear


def exporting(shares: Collection[Share], names: Collection[str], storage: Storage | None) -> Iterator[Share]:
    """Yield the shares through which a directory with these names can be reached."""
    for share in shares:
        for name in names:
            if inside(share.path, name):
                yield share
                break
            stops = not share.crosses and storage is not None and storage.mount_of(name) != storage.mount_of(share.path)
            if inside(name, share.path) and not stops:
                yield share
                break


def names_of(path: str, storage: Storage | None) -> list[str]:
    """Return all paths of a directory, its own (without links) first: one for each mount that shows it or a part."""
    mount = storage.mount_of(path) if storage else None
    names = [path]
    if storage is None or mount is None:
        return names
    inner = mount.root.rstrip("/") + path[len(mount.point.rstrip("/")) :]
    for other in storage.mounts:
        if other is mount or other.number != mount.number:
            continue
        if inside(inner, other.root):
            names.append((other.point.rstrip("/") + inner[len(other.root.rstrip("/")) :]) or "/")
        elif inside(other.root, inner):
            names.append(other.point)
    return list(dict.fromkeys(names))


def _exports(path: str, body: str) -> Iterator[Share]:
    """Yield the exports of a file in the form of exports(5); the kernel's table (etab) has the same form."""
    number = 0
    for chunk in re.split(r"(?<!\\)\n", body):
        number += 1
        line = chunk.replace("\\\n", " ").strip()
        found = re.match(r'"([^"]*)"|(\S+)', line)
        if found and not line.startswith("#"):
            exported = normpath(unescape(found[1] or found[2] or "/"))
            yield Share(exported, f"{path}:{number}", "crossmnt" in line)
        number += chunk.count("\n")


def _paths(file: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield directive and directory of each directive in a line, as far as they are absolute paths."""
    if text.strip().lower() == "[homes]":
        yield "path", "/home"
        return
    for found in _SETTING.finditer(text):
        word = (found["word"] or "=>").lower()
        tokens = [next(filter(None, token), "") for token in _TOKEN.findall(found["rest"] or found["target"] or "")]
        value = (found["rest"] or "").strip(" =\t")
        if word in ("path", "directory") and "/samba" in file:
            tokens = [value.strip('"')]  # Samba's values need no quotes around blanks
        if word in ("path", "directory") and tokens and tokens[0].startswith("%"):
            tokens = ["/home"]
        if word in ("config backend", "registry shares"):
            if value.lower() in ("registry", "yes", "true", "1"):
                yield "include", "(registry)"
            continue
        if word == "include" and value.lower() == "registry":
            yield "include", "(registry)"
            continue
        if word in ("scriptalias", "aliasmatch", "scriptaliasmatch") or (word == "alias" and _apache(file)):
            tokens = tokens[1:]  # the first is a part of the URL
        if word == "<anonymous" and tokens[:1] == ["~ftp"]:
            tokens = ["/srv/ftp", "/var/ftp"]
        for token in tokens:
            if token.startswith("/"):
                yield word, normpath(_certain(token)) if word not in _INCLUDES else token


def _certain(path: str) -> str:
    """Cut a path before the first part with a variable in it."""
    found = re.search(r"[$%*]", path)
    return (dirname(path[: found.start()]) or "/") if found else path


def _apache(file: str) -> bool:
    return file.startswith(("/etc/apache2", "/etc/httpd"))


def _read(path: str, have: Collection[str]) -> bool:
    """Whether an included file is among those that were read, or one that names no directories."""
    return any(inside(path, place) for place in (*have, *_KNOWN_INCLUDES))


def _is_copy(path: str) -> bool:
    """Whether no program reads a file of this name, left behind by an editor or a package manager."""
    return "-enabled/" not in path and path.endswith(
        ("~", ".bak", ".orig", ".old", ".dpkg-old", ".dpkg-dist", ".rpmsave")
    )
