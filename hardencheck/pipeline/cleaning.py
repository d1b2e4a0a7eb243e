"""Takes out of a pack whatever names other clients and, where that is wished for, who and which machine it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from hardencheck.baselines.snapshot import to_bytes
from hardencheck.errors import UsageError
from hardencheck.evidence import texts
from hardencheck.evidence.mentions import Words
from hardencheck.evidence.pseudonyms import Pseudonyms
from hardencheck.model.attestation import Attestation
from hardencheck.model.baseline import Baseline, Tailoring, TailoringScope
from hardencheck.model.codec import canonical
from hardencheck.model.manifest import Manifest
from hardencheck.model.report import Standing, Waived
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult
from hardencheck.model.waiver import Waiver
from hardencheck.model.wording import WITHHELD
from hardencheck.resources import shipped


@dataclass(frozen=True)
class Cleaner:
    """Edits what goes into a pack; every method returns an equal object where there is nothing to edit."""

    words: Words
    pseudonyms: Pseudonyms | None = None

    def text(self, text: str) -> str:
        """Return a text without names."""
        found = self.words.without(text)
        return self.pseudonyms.edit(found) if self.pseudonyms else found

    def name(self, host: str) -> str:
        """Return what one of the client's own hosts is called."""
        return self.pseudonyms.host(host) if self.pseudonyms else host

    def host(self, host: HostResult) -> HostResult:
        """Return a host's result; one with pseudonyms has no manifest, whose digest would tell who tries names."""
        found = self.words.redacted(host)
        return replace(self.pseudonyms.edited(found), manifest=None) if self.pseudonyms else found

    def manifest(self, manifest: Manifest) -> Manifest:
        """Return the list of a host's captures."""
        absent = {name: self.text(reason) for name, reason in manifest.absent.items()}
        return replace(manifest, absent=absent, privilege_note=self.text(manifest.privilege_note))

    def baseline(self, baseline: Baseline) -> Baseline:
        """Return a baseline; of its rules the words are left alone.

        Raises UsageError when a site's own rule names another client: without its words, it would be another rule.
        """
        tailoring = baseline.tailoring
        made = replace(
            baseline,
            title=self.text(baseline.title),
            description=self.text(baseline.description),
            values={
                name: replace(value, title=self.text(value.title), default=texts.in_value(value.default, self.text))
                for name, value in baseline.values.items()
            },
            tailoring=Tailoring(
                self._scope(tailoring.everyone),
                {self.text(name): self._scope(scope) for name, scope in tailoring.groups.items()},
                {self.name(name): self._scope(scope) for name, scope in tailoring.hosts.items()},
            ),
        )
        if self.words.found_in(to_bytes(made)):
            known = {path.stem for path in shipped("baselines").rglob("*.yaml")}
            for rule in made.rules:
                if rule.id not in known and self.words.found_in(canonical(asdict(rule))):
                    raise UsageError(
                        f"rule {rule.id} of baseline {baseline.id} names another client: it cannot go into a pack",
                        hint="keep the names of clients out of rules; a tailoring says what concerns one of them",
                    )
        return made

    def roster(self, roster: Roster) -> Roster:
        """Return a roster."""
        return Roster(
            tuple(
                replace(
                    person,
                    employee_id=self.text(person.employee_id),
                    login=self.text(person.login),
                    process_unit=self.text(person.process_unit),
                    vendor=self.text(person.vendor),
                )
                for person in roster.people
            )
        )

    def waiver(self, waiver: Waiver) -> Waiver:
        """Return a waiver of this client's hosts."""
        return replace(
            waiver,
            **self._said(waiver),
            hosts=tuple(map(self.name, waiver.hosts)),
            groups=tuple(map(self.text, waiver.groups)),
        )

    def waived(self, waived: Waived) -> Waived:
        """Return a waiver as it covers one failure."""
        return replace(waived, **self._said(waived))

    def standing(self, standing: Standing, waiver: Waiver) -> Standing:
        """Return how a waiver stands."""
        return replace(
            standing,
            waiver=self.waived(standing.waiver),
            scope=self.waiver(waiver).scope(),
            covers=tuple(map(self.name, standing.covers)),
            suspended=tuple(map(self.name, standing.suspended)),
            lapsed=tuple(map(self.name, standing.lapsed)),
        )

    def attestation(self, said: Attestation) -> Attestation:
        """Return a statement."""
        return replace(said, by=self.text(said.by), evidence=self.text(said.evidence))

    def _said(self, waiver: Waiver | Waived) -> dict[str, Any]:
        said = {name: self.text(getattr(waiver, name)) for name in _SAID}
        return {**said, "id": said["id"].replace(WITHHELD, "withheld")}  # brackets cannot be in an id

    def _scope(self, scope: TailoringScope) -> TailoringScope:
        values: Mapping[str, object] = {name: texts.in_value(value, self.text) for name, value in scope.values.items()}
        return TailoringScope(values, {name: self.text(reason) for name, reason in scope.deselect.items()})


#: what people wrote into a waiver
_SAID = ("id", "reason", "ticket", "requester", "approver", "compensating_control")
