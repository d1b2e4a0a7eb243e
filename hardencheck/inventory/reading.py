"""The two ways to get Hosts: from an inventory, or this machine alone; Ansible is imported only by the first."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hardencheck.errors import InventoryError
from hardencheck.inventory.contents import Credentials, Inventory
from hardencheck.model.host import Host


def local_host() -> Host:
    """Return the machine that hardencheck runs on, as Ansible's implicit localhost: no login, no sudo."""
    return Host(name="localhost", address="localhost", connection="local")


def load(sources: Sequence[str], limit: str | None = None, credentials: Credentials | None = None) -> Inventory:
    """Return the hosts that `sources` name and `limit` selects; both mean what `-i` and `-l` of Ansible mean.

    A source is a file, a folder, an executable script or a list with a comma (`web1,web2`). Trouble with one host's
    variables becomes `Host.problem`. Raises `InventoryError` for a source that is missing, not parsable or empty, a
    vault that does not open, and a pattern that matches nothing.
    """
    existing = [_existing(source) for source in sources]
    with _site_configuration():
        # a third of a second that only -i may cost
        from ansible.errors import AnsibleError

        try:
            from hardencheck.inventory.engine import read
        except AnsibleError as error:
            raise InventoryError(
                f"Ansible's own configuration ({os.environ['ANSIBLE_CONFIG']} and ANSIBLE_* variables) cannot be used",
                hint="run `ansible-config dump --only-changed` to see what is wrong with it",
            ) from error
    return read(existing, limit, credentials or Credentials())


def _existing(source: str) -> str:
    """Return the source as an absolute path, or as it is when it is a list of host names."""
    if "," in source:
        return source
    if not source.strip():  # the current folder, else, with every program in it that could be an inventory script
        raise InventoryError("the name of the inventory is empty", hint="give -i the path of an inventory")
    path = os.path.abspath(os.path.expandvars(os.path.expanduser(source)))
    if not os.path.exists(path):
        raise InventoryError(
            f"{source!r}: no such inventory file or folder",
            hint="give -i the path of an inventory; a single host is written with a comma: -i web1.example.com,",
        )
    if not os.access(path, os.R_OK):
        raise InventoryError(f"{source!r}: permission denied", hint="let the user who runs hardencheck read it")
    return path


@contextmanager
def _site_configuration() -> Iterator[None]:
    """Let Ansible read the user's or the system's ansible.cfg, never the current folder's, while it is imported.

    Its temporary folder goes to the system's, so that a service user needs no writable home.
    """
    named = os.environ.get("ANSIBLE_CONFIG")
    if named and os.path.isdir(named):
        named = os.path.join(named, "ansible.cfg")
    places = (named, os.path.expanduser("~/.ansible.cfg"), "/etc/ansible/ansible.cfg")
    readable = (place for place in places if place and os.path.isfile(place) and os.access(place, os.R_OK))
    empty = str(Path(__file__).with_name("ansible.cfg"))
    changed = {
        "ANSIBLE_CONFIG": next(readable, empty),
        "ANSIBLE_LOCAL_TEMP": os.environ.get("ANSIBLE_LOCAL_TEMP", tempfile.gettempdir()),
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
