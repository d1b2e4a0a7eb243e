"""What the programs that a run starts may know of this machine: little of the user's environment, nothing of Ansible's.

The user's and the current folder's ansible.cfg count for nothing: the run has one of its own.
"""

from __future__ import annotations

import os
import shutil
import site
import sys
from pathlib import Path

from hardencheck.errors import RemediationError
from hardencheck.remediate.private import MARK

#: Taken over as they are: the agent that holds the keys, and where Kerberos finds its settings and tickets.
_KEPT = ("SSH_AUTH_SOCK", "KRB5_CONFIG", "KRB5CCNAME")

_SETTINGS = """\
[defaults]
bin_ansible_callbacks = False
collections_path = {folder}/none
deprecation_warnings = False
fact_caching = memory
gathering = explicit
home = {folder}/home
host_key_checking = True
inject_facts_as_vars = False
interpreter_python = auto_silent
library = {folder}/none
local_tmp = {folder}/tmp
remote_tmp = /tmp
retry_files_enabled = False
roles_path = {folder}/none
timeout = 30

[connection]
pipelining = True

[inventory]
enable_plugins = script
"""


def furnish(folder: Path) -> dict[str, str]:
    """Put Ansible's settings into a private folder and return the environment for what runs there."""
    for name in ("home", "tmp", "c", "known"):
        (folder / name).mkdir(mode=0o700)
    settings = folder / "ansible.cfg"
    settings.write_text(_SETTINGS.format(folder=str(folder).replace("%", "%%")))
    path = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {name: os.environ[name] for name in _KEPT if os.environ.get(name)} | {
        MARK: f"{folder}/",
        "PATH": path,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUSERBASE": site.getuserbase(),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback"),
        "ANSIBLE_STDOUT_CALLBACK": "hardencheck_results",
        "ANSIBLE_NOCOLOR": "1",
    }


def program(name: str, environment: dict[str, str]) -> str:
    """Return the path of a program, as the environment finds it; raises RemediationError."""
    found = shutil.which(name, path=environment["PATH"])
    if found is None:
        raise RemediationError(
            f"{name} is not installed",
            hint="install it beside hardencheck or for all users",
        )
    return found
