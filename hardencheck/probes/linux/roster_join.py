"""The roster joined with one host's accounts, one question after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from hardencheck.model.probe import Context
from hardencheck.model.roster import Person, Roster, Standing
from hardencheck.probes.linux.account_activity import day
from hardencheck.probes.linux.account_uses import UNITS, uses
from hardencheck.probes.linux.group_file import memberships
from hardencheck.probes.linux.last_logins import logins, offset
from hardencheck.probes.linux.local_accounts import Account, accounts, elsewhere, keys_elsewhere
from hardencheck.probes.output import Output


@dataclass(slots=True)
class Verdict:
    """The answer to one question: offenders with what was found, and why there might be more."""

    offenders: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def add(self, offence: str, doubt: str) -> None:
        """Take over what is known of one account: an offence, else perhaps a doubt."""
        if offence:
            self.offenders.append(offence)
        elif doubt and doubt not in self.doubts:
            self.doubts.append(doubt)


class Join:
    """The accounts of one host by login, and what the roster says of their owners."""

    def __init__(self, output: Output, context: Context, roster: Roster) -> None:
        self.logins = logins(output, context.now)
        self._roster = roster
        self._values = context.values
        # a day has ended when it is over both in UTC and where the host stands: nobody is gone in the evening shift
        self._west = max(0, -offset(output.run("zone").text.strip()))
        self._today: date = (context.now - timedelta(seconds=self._west)).date()
        self._day = (context.now.date() - date(1970, 1, 1)).days
        self._groups = memberships(output)
        self._uses = uses(output)
        self._directory = elsewhere(output)
        self._keys_elsewhere = keys_elsewhere(output)
        self._accounts: dict[str, list[Account]] = {}
        for account in accounts(output):
            self._accounts.setdefault(account.name.lower(), []).append(account)

    def leavers_enabled(self) -> Verdict:
        """Whose last day is over, but not the account."""
        return self._still_open([person for person in self._roster.people if person.gone(self._today)])

    def absconders_enabled(self) -> Verdict:
        """Who has been absent without a word for too long, and still has an account."""
        limit = self._values["absconder_max_days"]
        return self._still_open(
            [
                person
                for person in self._roster.people
                if person.status is Standing.ACTIVE
                and not person.gone(self._today)
                and person.absent_since
                and (self._today - person.absent_since).days > limit
            ]
        )

    def vendors_past_contract(self) -> Verdict:
        """Whose contract is over, but not the account; and whose account will outlive the contract."""
        vendors = [person for person in self._roster.people if person.vendor and person.contract_end]
        verdict = self._still_open([person for person in vendors if person.contract_end < self._today])  # type: ignore[operator]
        for person in vendors:
            end = person.contract_end
            if end is None or end < self._today:
                continue
            for account in self._accounts.get(person.account, []):
                last = (end - date(1970, 1, 1)).days + 1
                if account.expires is not None and account.expires > last and self._open(account)[0]:
                    said = f"{account.name} (expires {day(account.expires)}, the contract on {end})"
                    verdict.offenders.append(said)
        return verdict

    def shared_logins(self) -> Verdict:
        """Which open accounts the roster gives to several people."""
        verdict = Verdict()
        for people in self._roster.by_account.values():
            owners = len({person.employee_id for person in people})
            if owners > 1:
                for name, offence, doubt in self._states(people[0]):
                    verdict.add(f"{name} ({owners} people)" if offence else "", doubt)
        return verdict

    def accounts_off_roster(self) -> Verdict:
        """Which accounts can log in, and nobody answers for them."""
        known = self._roster.by_account.keys() | {"root"}
        verdict = Verdict()
        for login, found in self._accounts.items():
            for account in found:
                service = account.name in self._values["service_accounts"]
                if login in known or service or account.refused(self._day) or not account.login_shell:
                    continue
                doubt = f"{account.name}: {self._keys_elsewhere}" if self._keys_elsewhere else ""
                verdict.add(account.name if account.openable else "", doubt)
        return verdict

    def leavers_seen(self) -> Verdict:
        """Who logged in after the last day; a login that somebody shares who stays says nothing."""
        verdict = Verdict()
        for person in self._roster.people:
            others = self._roster.by_account[person.account]
            if not person.gone(self._today) or any(other.working(self._today) for other in others):
                continue
            end = datetime.combine(_next(person.last_day), datetime.min.time(), UTC).timestamp() + self._west
            seen = [
                (max(times), name)
                for name, times in self.logins.times.items()
                if name.lower() == person.account and max(times) >= end
            ]
            for moment, name in seen:
                verdict.add(f"{name} (on {day(moment // 86400)})", "")
            if not seen and (person.account in self._accounts or self._directory):
                verdict.add("", self.logins.problem)
        return verdict

    def _still_open(self, people: list[Person]) -> Verdict:
        verdict = Verdict()
        for account in dict.fromkeys(person.account for person in people):
            for name, offence, doubt in self._states(self._roster.by_account[account][0]):
                verdict.add(f"{name} ({offence})" if offence else "", doubt)
        return verdict

    def _states(self, person: Person) -> Iterator[tuple[str, str, str]]:
        """Yield for each account of this login its name, what is open about it, and why that may not be all."""
        found = self._accounts.get(person.account, [])
        for account in found:
            offence, doubt = self._open(account)
            yield account.name, offence, f"{account.name}: {doubt}" if doubt else ""
        if not found and self._directory:
            yield person.login, "", self._directory

    def _open(self, account: Account) -> tuple[str, str]:
        """Say what keeps an account open, or, when nothing does, what might without being seen."""
        goes_on = self._uses.of(account, self._groups.get(account.name, set()))
        if account.refused(self._day):
            running = [use for use in goes_on if use in ("running processes", UNITS)]
            return ("expired, but " + ", ".join(running) if running else ""), ""
        found = [] if account.password == "locked" else ["password not locked"]  # noqa: S105  a word, no password
        found += ["login shell"] if account.login_shell else []
        found += [f"{account.keys} SSH key{'' if account.keys == 1 else 's'}"] if account.keys else []
        found += goes_on
        doubts = [doubt for doubt in (self._keys_elsewhere, self._uses.sudo_unknown) if doubt]
        return ", ".join(found), "; ".join(doubts)


def _next(last_day: date | None) -> date:
    """Return the day after the last day."""
    return (last_day or date.max - timedelta(days=1)) + timedelta(days=1)
