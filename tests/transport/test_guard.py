"""Who may try a password, and when nobody may any more: a canary, a circuit breaker, and the file they remember by."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.errors import AuthenticationFailed, CredentialSuspended, StoreError, TimedOut, TransportError
from hardencheck.model.host import Secret
from hardencheck.transport.guard import Credential, CredentialGuard
from hardencheck.transport.suspensions import Suspension, Suspensions

AUDIT = Credential("winrm LAB\\audit")
LOCAL = Credential("ssh audit", Secret("correct horse"))
OTHER = Credential("ssh audit", Secret("another horse"))
#: what a test never waits for in earnest
LONG = 60.0


def accept(guard: CredentialGuard, credential: Credential, host: str = "good") -> None:
    with guard.attempt(credential, host, 0) as attempt:
        attempt.accepted()


def refuse(guard: CredentialGuard, credential: Credential, host: str = "bad") -> None:
    with pytest.raises(AuthenticationFailed), guard.attempt(credential, host, 0):
        raise AuthenticationFailed("the host refused it")


def suspended(guard: CredentialGuard, credential: Credential) -> CredentialSuspended:
    with pytest.raises(CredentialSuspended) as caught, guard.attempt(credential, "next", 0):
        raise AssertionError("it was let in")
    return caught.value


def must_wait(guard: CredentialGuard, credential: Credential) -> TimedOut:
    with pytest.raises(TimedOut) as caught, guard.attempt(credential, "next", 0):
        raise AssertionError("it was let in")
    return caught.value


def test_one_host_alone_tries_what_is_unproven() -> None:
    guard = CredentialGuard()
    with guard.attempt(AUDIT, "canary", 0):
        error = must_wait(guard, AUDIT)
    assert error.reason == "credential_wait_timed_out"
    assert "winrm LAB\\audit" in error.message


def test_two_refusals_suspend_and_say_what_to_do() -> None:
    guard = CredentialGuard()
    refuse(guard, AUDIT, "desk-1")
    refuse(guard, AUDIT, "desk-2")
    error = suspended(guard, AUDIT)
    assert error.reason == "credential_suspended"
    assert error.message.startswith("credential suspended: winrm LAB\\audit was refused by desk-1 and desk-2")
    assert str(error.hint).endswith("hardencheck credential reset 'winrm LAB\\audit'")


def test_first_acceptance_lets_everybody_go_on_two_at_a_time() -> None:
    guard = CredentialGuard()
    accept(guard, AUDIT)
    with guard.attempt(AUDIT, "one", 0), guard.attempt(AUDIT, "two", 0):
        must_wait(guard, AUDIT)
    with guard.attempt(AUDIT, "one", 0) as one, guard.attempt(AUDIT, "two", 0):
        one.accepted()
        accept(guard, AUDIT, "three")


def test_host_that_does_not_look_at_it_lets_the_next_try() -> None:
    guard = CredentialGuard()
    with guard.attempt(AUDIT, "NOPASSWD", 0) as first:
        first.undecided()
        with guard.attempt(AUDIT, "canary", 0):
            must_wait(guard, AUDIT)


def test_hosts_with_a_password_of_their_own_cost_only_themselves() -> None:
    guard = CredentialGuard()
    for _ in range(20):
        refuse(guard, AUDIT)
        accept(guard, AUDIT)


def test_after_a_refusal_one_host_alone_tries_again() -> None:
    guard = CredentialGuard()
    accept(guard, AUDIT)
    refuse(guard, AUDIT)
    with guard.attempt(AUDIT, "canary", 0) as canary:
        must_wait(guard, AUDIT)
        canary.accepted()
        with guard.attempt(AUDIT, "one", 0), guard.attempt(AUDIT, "two", 0):
            must_wait(guard, AUDIT)


def test_password_that_changes_in_the_middle_is_refused_twice() -> None:
    guard = CredentialGuard()
    accept(guard, AUDIT)
    with guard.attempt(AUDIT, "one", 0) as one, guard.attempt(AUDIT, "two", 0) as two:
        one.refused()
        must_wait(guard, AUDIT)
        two.refused()
    suspended(guard, AUDIT)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed("it wants a code", reason="second_factor_required"),
        AuthenticationFailed("it takes no passwords", reason="password_expired"),
        TransportError("the connection was lost"),
        RuntimeError("our own mistake"),
    ],
)
def test_what_is_no_verdict_hands_the_role_on(error: Exception) -> None:
    guard = CredentialGuard()
    for _ in range(5):
        with suppress(type(error)), guard.attempt(AUDIT, "canary", 0):
            raise error
    with guard.attempt(AUDIT, "canary", 0):
        pass
    refuse(guard, AUDIT)
    accept(guard, AUDIT)


def test_first_verdict_counts() -> None:
    guard = CredentialGuard()
    for host in ("one", "two", "three"):
        with guard.attempt(AUDIT, host, 0) as attempt:
            attempt.accepted()
            attempt.refused()


def test_host_that_hangs_lets_one_other_try_what_is_unproven() -> None:
    guard = CredentialGuard(patience=0)
    with guard.attempt(AUDIT, "hangs", 0) as first:
        with guard.attempt(AUDIT, "hangs too", 0):
            must_wait(guard, AUDIT)
        refuse(guard, AUDIT)
        must_wait(guard, AUDIT)
        first.refused()
    suspended(guard, AUDIT)


def test_hosts_that_hang_hold_up_nobody_once_it_is_proven() -> None:
    guard = CredentialGuard(patience=0)
    accept(guard, AUDIT)
    with guard.attempt(AUDIT, "hangs", 0), guard.attempt(AUDIT, "hangs too", 0):
        accept(guard, AUDIT)


def test_waiting_host_goes_on_when_the_canary_becomes_too_old() -> None:
    guard, inside = CredentialGuard(patience=0.05), threading.Event()

    def wait() -> None:
        with guard.attempt(AUDIT, "waiting", LONG):
            inside.set()

    with guard.attempt(AUDIT, "hangs", 0):
        thread = threading.Thread(target=wait)
        thread.start()
        assert inside.wait(LONG)
        thread.join(LONG)


def test_passwords_of_one_local_name_are_counted_apart_and_suspended_together() -> None:
    guard = CredentialGuard()
    for number in range(20):
        refuse(guard, Credential("ssh audit", Secret(f"of host {number}")))
    accept(guard, OTHER)
    refuse(guard, LOCAL)
    accept(guard, OTHER)
    refuse(guard, LOCAL)
    suspended(guard, LOCAL)
    suspended(guard, OTHER)
    accept(guard, Credential("ssh somebody", LOCAL.secret))


def test_name_in_other_letters_is_the_same_account() -> None:
    guard = CredentialGuard()
    refuse(guard, AUDIT)
    refuse(guard, Credential("winrm lab\\Audit"))
    suspended(guard, AUDIT)


@dataclass
class Fleet:
    """Hosts that try one credential from a thread each, and answer as they are told, in the order they are told."""

    guard: CredentialGuard
    ends: dict[str, str] = field(default_factory=dict)
    events: Queue[tuple[str, Queue[str] | None]] = field(default_factory=Queue)
    held: dict[str, Queue[str]] = field(default_factory=dict)

    def ask(self, name: str) -> None:
        answer: Queue[str] = Queue()
        try:
            with self.guard.attempt(AUDIT, name, LONG) as attempt:
                self.events.put((name, answer))
                match answer.get(timeout=LONG):
                    case "accept":
                        attempt.accepted()
                    case "refuse":
                        raise AuthenticationFailed("no")
                    case _:
                        raise TransportError("lost")
        except TransportError as error:
            self.ends[name] = error.reason
        else:
            self.ends[name] = "in"
        self.events.put((name, None))

    def _hear(self) -> str | None:
        """Take the next event; return the name of a host that has ended."""
        name, answer = self.events.get(timeout=LONG)
        if answer is None:
            return name
        self.held[name] = answer
        return None

    def run(self, answers: list[str], order: list[int]) -> list[str]:
        """Let as many hosts as there are answers try; return the answers given, in order.

        `order` says which of the hosts that are inside at the same time gets its answer first.
        """
        threads = [threading.Thread(target=self.ask, args=(f"host{number}",)) for number in range(len(answers))]
        for thread in threads:
            thread.start()
        told: list[str] = []
        left = len(threads)
        while left:
            # somebody tries, ends or is turned away as long as anybody is left: nobody waits for nothing
            if not self.held or not self.events.empty():
                left -= self._hear() is not None
                continue
            told.append(answers[len(told)])
            name = sorted(self.held)[order[len(told) - 1] % len(self.held)]
            self.held.pop(name).put(told[-1])
            ended = None
            while ended != name:
                ended = self._hear()
                left -= ended is not None
        for thread in threads:
            thread.join(LONG)
        assert len(self.ends) == len(threads)
        return told


@settings(max_examples=60)
@given(hosts=st.integers(1, 40))
def test_wrong_everywhere_is_tried_twice_at_most(hosts: int) -> None:
    fleet = Fleet(CredentialGuard())
    told = fleet.run(["refuse"] * hosts, [0] * hosts)
    assert len(told) == min(hosts, 2)
    assert sorted(fleet.ends.values()) == sorted(
        ["authentication_failed"] * min(hosts, 2) + ["credential_suspended"] * max(0, hosts - 2)
    )


@settings(max_examples=150)
@given(
    answers=st.lists(st.sampled_from(["accept", "accept", "refuse", "lost"]), max_size=30),
    order=st.lists(st.integers(0, 1), min_size=30, max_size=30),
)
def test_no_third_refusal_in_a_row_whatever_hosts_answer(answers: list[str], order: list[int]) -> None:
    fleet = Fleet(CredentialGuard())
    told = fleet.run(answers, order)
    verdicts = [answer for answer in told if answer != "lost"]
    pairs = [at for at in range(1, len(verdicts)) if verdicts[at - 1 : at + 1] == ["refuse", "refuse"]]
    assert len(pairs) <= 1
    if pairs:
        # after the second refusal nobody is let in; who was in already had been let in with it
        assert "refuse" not in verdicts[pairs[0] + 1 :]
        suspended(fleet.guard, AUDIT)
    else:
        assert len(told) == len(answers)
        assert "credential_suspended" not in fleet.ends.values()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "credentials.json"


def suspend(path: Path, credential: Credential = LOCAL) -> CredentialGuard:
    guard = CredentialGuard(path)
    refuse(guard, credential, "one")
    refuse(guard, credential, "two")
    return guard


def test_next_run_makes_no_attempt_until_reset(path: Path) -> None:
    suspend(path)
    error = suspended(CredentialGuard(path), OTHER)
    assert "ssh audit was refused by one and two, since 20" in error.message
    accept(CredentialGuard(path), AUDIT)
    Suspensions(path).remove(["SSH audit"])
    accept(CredentialGuard(path), LOCAL)


def test_reset_does_not_let_the_run_go_on_that_was_refused(path: Path) -> None:
    guard = suspend(path)
    Suspensions(path).remove(None)
    suspended(guard, LOCAL)


def test_run_at_the_same_time_stops_too(path: Path) -> None:
    sweep, doctor = CredentialGuard(path), CredentialGuard(path)
    accept(doctor, LOCAL)
    refuse(sweep, LOCAL)
    refuse(sweep, LOCAL)
    suspended(doctor, LOCAL)
    refuse(doctor, AUDIT)
    refuse(doctor, AUDIT)
    suspended(sweep, AUDIT)
    third = Credential("ssh third", Secret("x"))
    accept(sweep, third)
    suspend(path, third)
    suspended(sweep, third)
    assert set(Suspensions(path).read()) == {"ssh audit", "winrm lab\\audit", "ssh third"}


def test_one_refusal_and_no_refusal_leave_no_file(path: Path) -> None:
    guard = CredentialGuard(path)
    refuse(guard, LOCAL)
    accept(guard, AUDIT)
    assert not path.exists()


def test_file_holds_no_secret_and_is_nobody_elses(path: Path) -> None:
    suspend(path)
    assert "horse" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["credentials.json", "credentials.json.lock"]


def test_suspensions_of_many_runs_at_once_are_all_kept(path: Path) -> None:
    start = threading.Barrier(20)

    def add(number: int) -> None:
        file = Suspensions(path)
        start.wait(LONG)
        file.add(Suspension(f"ssh user{number}", "2026-01-01T00:00:00Z", ("a", "b")))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert len(Suspensions(path).read()) == 20


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 2, "suspended": []}', b'{"version": 1}',
                b'{"version": 1, "suspended": [{"account": "ssh audit"}]}', b'{"version": 1, "suspended": {"a": 1}}',
                b'{"version": 1, "suspended": [{"account": "a", "since": 1, "hosts": "b"}]}', b"[" * 100_000]
)  # fmt: skip
def test_damaged_file_is_never_nothing_suspended(path: Path, content: bytes) -> None:
    guard = suspend(path)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=str(path)) as caught:
        CredentialGuard(path)
    assert "reset --all" in str(caught.value.hint)
    with pytest.raises(StoreError):
        Suspensions(path).add(Suspension("ssh x", "", ()))
    assert path.read_bytes() == content
    assert str(path) in suspended(guard, AUDIT).message
    Suspensions(path).remove(None)
    accept(guard, AUDIT)


def test_file_that_cannot_be_read_names_itself(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=f"{path}: cannot be read"):
        CredentialGuard(path)


def test_file_that_cannot_be_written_still_stops_this_run(path: Path) -> None:
    path.parent.mkdir()
    (path.parent / "credentials.json.lock").mkdir()
    guard = suspend(path)
    message = suspended(guard, LOCAL).message
    assert "until this run ends" in message
    assert "credentials.json: cannot be written" in message
