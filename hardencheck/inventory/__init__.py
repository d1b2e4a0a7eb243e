"""An Ansible inventory becomes Hosts.

Files, folders, scripts and vaults are read by ansible-core's own loader, which is imported only when an inventory is
given. Three things differ from `ansible` on purpose:

- an `ansible.cfg` in the current folder is never read (CVE-2018-10874); `ANSIBLE_CONFIG`, `~/.ansible.cfg` and
  `/etc/ansible/ansible.cfg` are;
- only `group_vars` and `host_vars` beside the inventory count, as there is no playbook, and cached facts do not;
- what Ansible only warns about when it drops hosts (a file it cannot parse, an unknown key, a pattern of `--limit`
  that matches nothing) is an `InventoryError`.

A folder is read as the installed ansible-core reads it: 2.18 and older pass over `*.ini` files in a folder.

Templates are resolved by Ansible's own templating, lookups included: the inventory is the operator's own file, and
the same people run it with `ansible`. Whoever can write to it can run commands on the controller, as with Ansible.
"""

from __future__ import annotations

from hardencheck.inventory.contents import Credentials, Inventory
from hardencheck.inventory.reading import load, local_host

__all__ = ["Credentials", "Inventory", "load", "local_host"]
