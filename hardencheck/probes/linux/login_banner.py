r"""What people read before they log in: over SSH, and at the console.

Reads: sshd's settings (see linux.sshd) and the files that Banner names; /etc/issue, or /run/issue or /usr/lib/issue
when it is not there, with the files *.issue beside them (agetty(8)).
Needs: root.
Facts: ssh_banners, the text that each connection by SSH is shown, one item per file, empty where none is: white space
is one blank, and everything is in lower case. console_banner, the same for the console. banner_leaks, the escapes
(`\r`, `\v`, `\m`, `\s`, `\S`) by which the console's text tells the system, its release or its machine, with
file:line.
Absent when: ssh_banners as in linux.sshd, or when a file of Banner is somewhere that was not collected. A host without
an SSH server shows no banner by SSH, and its list holds only the console's text.
"""

from __future__ import annotations

import posixpath
import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import sshd_server
from hardencheck.probes.linux.sshd_contexts import outcomes
from hardencheck.probes.output import Output, read

SCRIPT = (
    sshd_server.SCRIPT
    + r"""
banners() { # the files that some line names
  answer sshd_files | sed -n 's/^[[:space:]]*"\{0,1\}[Bb][Aa][Nn][Nn][Ee][Rr]"\{0,1\}[[:space:]=]\{1,\}//p' |
    sed -n 's/^["'\'']\{0,1\}\(\/[^"'\''#]*[^"'\''#[:space:]]\).*/\1/p' | sort -u
}
IFS='
'
set -f
for path in $(unset IFS && banners); do
  case $path in
    *shadow* | *key* | *secret* | *private*) ;; # not even when somebody shows them to all the world
    /etc/* | /usr/* | /opt/* | /srv/* | /var/*) files "$path" ;;
  esac
done
unset IFS
set +f
files /etc/issue /run/issue /usr/lib/issue /etc/issue.d/*.issue /run/issue.d/*.issue /usr/lib/issue.d/*.issue
"""
)
FACTS: dict[str, JsonSchema] = {
    "ssh_banners": {"type": "array", "items": {"type": "string"}},
    "console_banner": {"type": "string"},
    "banner_leaks": {"type": "array", "items": {"type": "string"}},
}
_BANNER = "banner"
_ISSUES = ("/etc/issue", "/run/issue", "/usr/lib/issue")
_ESCAPE = re.compile(r"\\(.)")
_MOST_TEXT = 2000


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the texts; see the module's docstring for the facts."""
    output = read(capture)
    main = next((path for path in _ISSUES if path in output.files), "")
    if hidden := sorted(path for path in output.unreadable if "issue" in path):
        return Observation.not_collected(f"{hidden[0]} cannot be read")
    parts = [main] if main else []
    parts += sorted((path for path in output.files if path.endswith(".issue")), key=posixpath.basename)
    leaks = [
        f"\\{escape} ({path}:{number})"
        for path in parts
        for number, line in enumerate(output.files[path].split("\n"), 1)
        for escape in _ESCAPE.findall(line)
        if escape in "rvmsS"
    ]
    console = _text(" ".join(_ESCAPE.sub(" ", output.files[path]) for path in parts))
    facts = {"console_banner": console, "banner_leaks": sshd_server.cut(leaks)}
    read_from = dict.fromkeys(facts, ", ".join(parts) or "there is no /etc/issue")
    if sshd_server.absent(output):
        return Observation.of(
            {**facts, "ssh_banners": [console]}, {**read_from, "ssh_banners": "no SSH server; the console's text"}
        )
    found = sshd_server.servers(output, (_BANNER,))
    if isinstance(found, str):
        return Observation.of(facts, read_from, {"ssh_banners": found})
    met = {each[_BANNER]: "" for given in found.settings for each in outcomes(given, (_BANNER,))}
    unseen = sorted(setting.value for setting in met if _shown(output, setting.value) is None)
    if unseen:
        return Observation.of(facts, read_from, {"ssh_banners": f"the file {unseen[0]} was not collected"})
    texts = sorted({_shown(output, setting.value) or "" for setting in met})
    return Observation.of({**facts, "ssh_banners": texts}, {**read_from, "ssh_banners": sshd_server.where(met)})


def _shown(output: Output, path: str) -> str | None:
    """Return what sshd shows for a value of Banner, nothing for `none` or a file that is not there; None: unseen."""
    if path.lower() == "none" or path in output.absent | output.dangling:
        return ""
    return _text(output.files[path]) if path in output.files else None


def _text(raw: str) -> str:
    return " ".join(raw.lower().split())[:_MOST_TEXT]


PROBE = Probe(
    id="linux.login_banner",
    title="What is shown before a login",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    asks=sshd_server.ASKS,
)
