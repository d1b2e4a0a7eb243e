"""Pending security updates as DNF 4 tells them from its cache (dnf(8)); DNF 5 prints other tables and is not read."""

from __future__ import annotations

import re

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.probe import Context
from hardencheck.probes.linux import rpm_updates
from hardencheck.probes.linux.update_facts import Updates, stamps
from hardencheck.probes.output import Output

SCRIPT = r"""
  run dnf-version quiet dnf --version
  run advisories quiet dnf -q -C updateinfo list --security
  run unlocked quiet dnf -q -C --disableplugin=versionlock --disableexcludes=all updateinfo list --security
  run repositories quiet dnf -q -C repolist
  run stamps stamps /var/cache/dnf/*/repodata/*
  # names and passwords of repositories stay on the host
  run settings-files grep -EHn '^[[:space:]]*(\[|(gpgcheck|pkg_gpgcheck|exclude|excludepkgs|reposdir)[[:space:]]*=)' \
    /etc/dnf/dnf.conf /etc/yum.repos.d/*.repo /dev/null
  run locks grep -EHnv '^[[:space:]]*(#|$)' /etc/dnf/plugins/versionlock.list /dev/null
"""

_ANSWERS = ("pending_security", "withheld_security")
_SETTING = re.compile(r"^(/[^:]*:\d+):[ \t]*(?:\[([^\]]+)\]|(\w+)[ \t]*=[ \t]*(.*))")


def read_updates(output: Output, capture: Capture, context: Context) -> Updates:
    """Gather the facts of a host with DNF 4; raises CaptureUnreadable for output in another form."""
    del capture
    updates = Updates()
    updates.know("half_installed", [], "no dpkg on this host")
    version = output.run("dnf-version")
    if version.status != 0 or version.text.startswith("dnf5"):
        reason = "DNF 5 is not read yet" if version.text.startswith("dnf5") else _NOT_RUN
        updates.lack([*_ANSWERS, "security_sources", "metadata_age_hours", "expired_metadata"], reason)
        return updates
    _metadata(output, context, updates)
    runs = [output.run(label) for label in ("advisories", "unlocked")]
    if any(run.status != 0 for run in runs):
        updates.lack(_ANSWERS, "dnf could not tell from its cache")
        return updates
    try:
        pending, unlocked = (rpm_updates.advisories(run.lines) for run in runs)
    except ValueError as error:
        raise CaptureUnreadable(str(error)) from None
    updates.know("pending_security", pending, "dnf -C updateinfo list --security")
    withheld = [f"{advisory} (locked or excluded)" for advisory in unlocked if advisory not in pending]
    updates.know("withheld_security", withheld, "dnf -C updateinfo list --security without version locks and excludes")
    return updates


_NOT_RUN = "dnf was not run: as root it writes log files, and no mount namespace could be made to keep them away"


def _metadata(output: Output, context: Context, updates: Updates) -> None:
    """Look at the repositories that carry advisories: which they are, and when they were last fetched."""
    times = stamps(output.run("stamps"))
    enabled = rpm_updates.repositories(output.run("repositories").lines)
    cached = {path.split("/")[4] for path in times}
    dated, uncached = {}, []
    for repo in enabled:
        directories = [name for name in cached if name.rpartition("-")[0] == repo]
        if not directories:
            uncached.append(repo)
        for name in directories:
            mine = [path for path in times if path.split("/")[4] == name]
            if any("updateinfo" in path for path in mine):
                dated[repo] = rpm_updates.refreshed(times, f"/var/cache/dnf/{name}/") or 0
    updates.know("security_sources", sorted(dated), "updateinfo in /var/cache/dnf")
    updates.know("security_sources_configured", sorted(dated), "updateinfo in /var/cache/dnf")
    if not dated:
        updates.lack(["security_sources_configured"], "no repository in the cache carries advisories")
    _trust(output, enabled, updates)
    updates.know("expired_metadata", [], "repomd.xml has no end of validity")
    if uncached or output.run("repositories").status != 0:
        repos = ", ".join(sorted(uncached)) or "the enabled repositories"
        updates.lack(["metadata_age_hours"], f"the cache holds no metadata of {repos}")
    else:
        updates.age(dated.values(), context.now, "change time of the files in /var/cache/dnf")


def _trust(output: Output, enabled: list[str], updates: Updates) -> None:
    """Look for repositories whose packages need no signature, and for locks (dnf.conf(5), versionlock).

    A repository's own `gpgcheck` counts before that of [main], whose default is off. `repo_gpgcheck` is not asked for:
    the makers' repositories do not sign their metadata, and packages without a valid signature are refused anyway.
    """
    section, moved = "", False
    checks: dict[str, tuple[str, str]] = {}
    locks: list[str] = []
    for line in output.run("settings-files").lines:
        if not (found := _SETTING.match(line)):
            continue
        where, header, name, value = found.groups()
        section = header or section
        if header:
            checks.setdefault(section, ("", where))
        elif name in ("gpgcheck", "pkg_gpgcheck"):
            checks[section] = (value.strip().lower(), where)
        elif name == "reposdir":
            moved = True
        elif value.strip():
            locks.append(f"{name}={value.strip()} ({where})")
    locks += [f"{line.partition(':')[2].partition(':')[2]} (versionlock)" for line in output.run("locks").lines]
    updates.know("held_packages", sorted(locks), "dnf.conf, *.repo, versionlock.list")
    default, main = checks.get("main", ("", "/etc/dnf/dnf.conf"))
    unverified = []
    for repo in enabled:
        value, where = checks.get(repo, ("", ""))
        if (value or default) not in ("1", "yes", "true", "on"):
            unverified.append(f"[{repo}] gpgcheck={value or default or 'not set'} ({where if value else main})")
    updates.know("unverified_sources", sorted(unverified), "/etc/dnf/dnf.conf, /etc/yum.repos.d")
    strange = [repo for repo in enabled if repo not in checks]
    if strange or moved or not enabled or output.run("settings-files").status > 1:
        updates.lack(["unverified_sources"], f"the file of {', '.join(strange) or 'the repositories'} was not found")
