"""Needed security patches as zypper tells them without a refresh (zypper(8))."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardencheck.model.capture import Capture
from hardencheck.model.probe import Context
from hardencheck.probes.linux import rpm_updates
from hardencheck.probes.linux.update_facts import Updates, stamps
from hardencheck.probes.output import Output

SCRIPT = r"""
  run zypper-version zypper --version
  run patches quiet zypper --no-refresh --non-interactive --xmlout list-patches
  run repositories quiet zypper --no-refresh --non-interactive --xmlout repos
  run locks quiet zypper --no-refresh --non-interactive --xmlout locks
  run stamps stamps /var/cache/zypp/raw/*/repodata/*
"""

_ANSWERS = ("pending_security", "withheld_security")


def read_updates(output: Output, capture: Capture, context: Context) -> Updates:
    """Gather the facts of a host with zypper."""
    del capture
    updates = Updates()
    updates.know("half_installed", [], "no dpkg on this host")
    patches, repositories, locks = (output.run(label) for label in ("patches", "repositories", "locks"))
    if any(run.status != 0 or "</stream>" not in run.text for run in (patches, repositories, locks)):
        reason = "zypper did not answer; as root it also needs a mount namespace that keeps its log files away"
        updates.lack([*_ANSWERS, "security_sources", "metadata_age_hours", "expired_metadata"], reason)
        return updates
    _metadata(output, context, updates)
    needed = [patch for patch in rpm_updates.elements(patches.text, "update") if patch.get("status") == "needed"]
    security = [patch for patch in needed if patch.get("category") == "security"]
    updates.know(
        "pending_security",
        sorted(f"{patch['name']} ({patch.get('severity', 'unspecified')})" for patch in security),
        "zypper --no-refresh list-patches",
    )
    updates.know("held_packages", re.findall(r"<name>([^<]*)</name>", locks.text), "zypper locks")
    if rpm_updates.elements(locks.text, "lock") or 'locks size="0"' not in locks.text:
        updates.lack(["withheld_security"], "packages are locked (zypper locks): whether that hides a fix is not known")
    else:
        updates.know("withheld_security", [], "zypper locks")
    return updates


def _metadata(output: Output, context: Context, updates: Updates) -> None:
    times = stamps(output.run("stamps"))
    repos = rpm_updates.elements(output.run("repositories").text, "repo")
    enabled = [repo["alias"] for repo in repos if repo.get("enabled") == "1"]
    unverified = [repo["alias"] for repo in repos if repo.get("enabled") == "1" and _unverified(repo)]
    updates.know("unverified_sources", [f"{alias}: gpgcheck is off" for alias in unverified], "zypper repos")
    if not all("gpgcheck" in repo for repo in repos if repo.get("enabled") == "1"):
        updates.lack(["unverified_sources"], "zypper does not tell whether signatures are checked")
    dated, uncached = {}, []
    for alias in enabled:
        directory = f"/var/cache/zypp/raw/{alias}/"
        fetched = rpm_updates.refreshed(times, directory)
        if fetched is None:
            uncached.append(alias)
        elif any("updateinfo" in path for path in times if path.startswith(directory)):
            dated[alias] = fetched
    updates.know("security_sources", sorted(dated), "updateinfo in /var/cache/zypp/raw")
    updates.know("security_sources_configured", sorted(dated), "updateinfo in /var/cache/zypp/raw")
    if not dated:
        updates.lack(["security_sources_configured"], "no repository in the cache carries patches")
    updates.know("expired_metadata", [], "repomd.xml has no end of validity that is read here")
    if uncached:
        updates.lack(["metadata_age_hours"], f"the cache holds no metadata of {', '.join(sorted(uncached))}")
    else:
        updates.age(dated.values(), context.now, "change time of the files in /var/cache/zypp/raw")


def _unverified(repo: Mapping[str, str]) -> bool:
    """Whether packages are taken without a signature on them or on the metadata that holds their digests."""
    checks = [repo.get(name) for name in ("gpgcheck", "repo_gpgcheck", "pkg_gpgcheck")]
    return checks[0] == "0" and "1" not in checks[1:]
