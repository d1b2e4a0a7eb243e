"""The variables of each host: merged in Ansible's order of precedence, templates and vault texts resolved on demand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.helpers import get_group_vars, sort_groups
from ansible.inventory.host import Host as AnsibleHost
from ansible.template import Templar
from ansible.utils.vars import combine_vars
from ansible.vars.hostvars import HostVars
from ansible.vars.plugins import get_vars_from_inventory_sources
from jinja2 import TemplateError

from hardencheck.inventory import trouble
from hardencheck.inventory.sources import Loader, Sources
from hardencheck.inventory.variables import UnusableVariableError, is_scalar

#: ansible-core 2.18 and older let through what filters raise
_TEMPLATE_ERRORS = (
    AnsibleError,
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)
_TEMPLATE_MARKS = ("{{", "{%", "{#")
#: what Jinja says about an undefined name; only these messages are known to quote no value
_UNDEFINED = re.compile(r"'[\w .\[\]]+' is undefined|object of type '\w+' has no attribute '\w+'")


class HostVariables:
    """Variables per host, as `VariableManager.get_vars` gives them without play, task and cached facts.

    Hosts with the same groups share the merged variables of these groups, so that a host costs tens of
    microseconds. `get_vars` has the signature that Ansible's `HostVars` calls, for templates that read `hostvars`.
    """

    def __init__(self, sources: Sources, loader: Loader) -> None:
        self._sources = sources
        self._loader = loader
        self._merged: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._hostvars: Any = None
        self._magic: dict[str, Any] = {}

    def groups(self, host: AnsibleHost) -> tuple[str, ...]:
        """Return the host's groups in the order in which Ansible merges their variables, the most specific last.

        That is `all` (and `ungrouped`) first, then by depth, `ansible_group_priority` and name.
        """
        return ("all", *(group.name for group in self._specific(host)))

    def get_vars(self, host: AnsibleHost, include_hostvars: bool = True) -> dict[str, Any]:
        """Return the host's variables, templates and vault texts unresolved; raises `InventoryError`."""
        try:
            groups = self._specific(host)
            key = tuple(group.name for group in groups)
            if key not in self._merged:
                self._merged[key] = self._of_groups(groups)
            merged = combine_vars(self._merged[key], host.get_vars())
            beside = self._beside_inventory([host])
            own: dict[str, Any] = combine_vars(merged, beside) if beside else merged
            return own
        except AnsibleError as error:
            raise self._loader.unreadable(error, self._loader.reading) from None

    def resolved(self, host: AnsibleHost) -> Resolved:
        """Return the host's variables with their templates resolved when they are read."""
        return Resolved(host.name, self.get_vars(host), self)

    def template(self, value: str, variables: dict[str, Any]) -> Any:
        """Return what a template of one host yields; raises AnsibleError."""
        if not self._magic:
            hostvars = HostVars(self._sources, self, self._loader)
            self._magic = {"groups": self._sources.get_groups_dict(), "hostvars": hostvars}
        return Templar(loader=self._loader, variables=variables | self._magic).template(value)

    @property
    def has_vault_password(self) -> bool:
        """Whether vault texts can be tried."""
        return self._loader.has_vault_password

    @staticmethod
    def _specific(host: AnsibleHost) -> list[Any]:
        return sort_groups([group for group in host.get_groups() if group.name != "all"])  # type: ignore[no-any-return]

    def _of_groups(self, groups: list[Any]) -> Mapping[str, Any]:
        """Merge the variables of `all` and of one combination of groups, in the configured order."""
        everyone = self._sources.groups["all"]
        parts = {
            "all_inventory": everyone.get_vars,
            "groups_inventory": lambda: get_group_vars(groups),
            "all_plugins_inventory": lambda: self._beside_inventory([everyone]),
            "groups_plugins_inventory": lambda: self._beside_inventory(groups),
        }
        merged: Mapping[str, Any] = {}
        for entry in constants.VARIABLE_PRECEDENCE:
            if entry in parts:
                merged = combine_vars(merged, parts[entry]())
        return merged

    def _beside_inventory(self, entities: list[Any]) -> dict[str, Any]:
        """Return what group_vars and host_vars beside the inventory (and other vars plugins) say."""
        return get_vars_from_inventory_sources(  # type: ignore[no-any-return]
            self._loader, self._sources._sources, entities, "task"
        )


class Resolved:
    """One host's variables by name; called with a name, gives its value as a plain Python object."""

    def __init__(self, host: str, variables: dict[str, Any], source: HostVariables) -> None:
        self._host = host
        self._variables = variables
        self._source = source

    def __call__(self, name: str) -> Any:
        """Return the value or None.

        Raises `UnusableVariableError` for a template that fails, `InventoryError` for a vault that does not open.
        """
        value = self._variables.get(name)
        if value is None:
            return None
        try:
            if isinstance(value, str) and any(mark in value for mark in _TEMPLATE_MARKS):
                return _plain(self._source.template(value, self._variables))
            return _plain(value)
        except _TEMPLATE_ERRORS as error:
            if trouble.is_vault(error):
                where = f"{trouble.place(error, value)}host {self._host}, variable {name}"
                raise trouble.vault_error(where, error, password_given=self._source.has_vault_password) from None
            raise UnusableVariableError(f"variable {name} cannot be resolved: {_why(error)}") from None


def _plain(value: Any) -> Any:
    """Return the value without Ansible's tags; a vault text is opened here."""
    return str(value) if value is not None and is_scalar(value) else value


def _why(error: BaseException) -> str:
    for link in trouble.chain(error):
        undefined = _UNDEFINED.search(str(link))
        if undefined:
            return undefined.group()
    return "Ansible cannot evaluate its template; ask `ansible -m debug -a var=NAME HOST` for the reason"
