"""Which graphical sessions a host offers: a shell function for scripts, and what reads it.

A display manager offers what lies in xsessions/ and wayland-sessions/ (Desktop Entry Specification). Which program
locks the screen or mounts media depends on the session, so that a host is only as good as the worst one it offers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardencheck.probes.output import Output

#: A function for a probe's script: `desktop` yields the sessions on offer and the display managers.
FUNCTIONS = r"""
desktop() {
  set --
  for path in /usr/share/xsessions/*.desktop /usr/share/wayland-sessions/*.desktop \
    /usr/local/share/xsessions/*.desktop /usr/local/share/wayland-sessions/*.desktop /etc/X11/sessions/*.desktop; do
    [ ! -f "$path" ] || set -- "$@" "$path"
  done
  if [ "$#" -gt 0 ]; then
    run sessions grep -HE '^(Exec|DesktopNames|Hidden)[[:space:]]*=' "$@" /dev/null
  else
    run sessions true
  fi
  run managers managers
}
managers() {
  for path in /etc/systemd/system/display-manager.service /usr/sbin/gdm3 /usr/sbin/gdm /usr/bin/gdm /usr/sbin/lightdm \
    /usr/bin/lightdm /usr/bin/sddm /usr/sbin/sddm /usr/bin/xdm /usr/sbin/xdm /usr/bin/lxdm /usr/sbin/lxdm \
    /usr/sbin/slim /usr/bin/slim /usr/bin/greetd /usr/sbin/greetd; do
    if [ -e "$path" ] || [ -L "$path" ]; then printf '%s\n' "$path"; fi
  done
}
"""

#: What a session's DesktopNames or its program say about who locks its screen.
_KINDS = (
    ("plasma", re.compile(r"(?i)(?:^|[:;/ ])(?:kde|startplasma\S*|startkde)(?:[:; ]|$)")),
    ("cinnamon", re.compile(r"(?i)(?:^|[:;/ ])(?:x-cinnamon|cinnamon-session\S*)(?:[:; ]|$)")),
    ("mate", re.compile(r"(?i)(?:^|[:;/ ])(?:mate|mate-session)(?:[:; ]|$)")),
    ("gnome", re.compile(r"(?i)(?:^|[:;/ ])(?:gnome|gnome-classic|gnome-session\S*)(?:[:; ]|$)")),
)

#: Desktops that call themselves GNOME too, but lock the screen in their own way.
_OWN_SHELL = re.compile(r"(?i)(?:^|[:;])(?:budgie|unity|unity7|pantheon|cosmic|phosh)(?:[:;]|$)")


@dataclass(frozen=True, slots=True)
class Desktop:
    """The sessions on offer (file name without ending -> kind), and the display managers that are there."""

    sessions: dict[str, str]
    managers: tuple[str, ...]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the sessions: plasma, cinnamon, mate, gnome, or the name of one that is not known."""
        return sorted(set(self.sessions.values()))

    def __bool__(self) -> bool:
        return bool(self.sessions or self.managers)


def read(output: Output) -> Desktop:
    """Read what `desktop` found."""
    lines: dict[str, dict[str, str]] = {}
    for line in output.run("sessions").lines:
        path, _, text = line.partition(":")
        key, _, value = text.partition("=")
        lines.setdefault(path, {}).setdefault(key.strip(), value.strip())
    sessions = {}
    for path, entries in lines.items():
        if entries.get("Hidden") == "true":
            continue
        name = path.rpartition("/")[2].removesuffix(".desktop")
        said = (entries.get("DesktopNames", ""), entries.get("Exec", ""))
        kind = next((kind for kind, words in _KINDS if any(map(words.search, said))), name)
        sessions[name] = name if kind == "gnome" and _OWN_SHELL.search(said[0]) else kind
    return Desktop(sessions, tuple(output.run("managers").lines))


def kconfig(text: str, group: str) -> dict[str, tuple[str, bool]]:
    """Return the keys of one group of a KDE file, and whether users are kept from changing each (`[$i]`).

    The mark may stand behind a key, behind the group's name, or alone before the first group. A key that is not there
    is `""` in a group or file that is marked.
    """
    whole, inside, marked, groups = False, False, False, 0
    found: dict[str, tuple[str, bool]] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#") or not line:
            continue
        if line.startswith("["):
            head = re.fullmatch(r"\[(.*?)\](\[\$[a-z]*i[a-z]*\])?", line)
            if re.fullmatch(r"\[\$[a-z]*i[a-z]*\]", line):
                whole = whole or not groups
                continue
            groups += 1
            inside = head is not None and head[1] == group
            marked = marked or (inside and head is not None and bool(head[2]))
        elif inside and "=" in line:
            name, _, value = line.partition("=")
            key, mark, flags = name.strip().partition("[$")
            found[key] = (value.strip(), bool(mark) and "i" in flags)
    if whole or marked:
        return {"": ("", True), **{key: (value, True) for key, (value, _) in found.items()}}
    return found
