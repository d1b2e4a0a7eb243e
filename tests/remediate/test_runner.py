"""Playbooks on real hosts: what they change is told, what goes wrong is told, and nobody else is spoken to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.lab import Host, Lab
from tests.remediate.acting import WRITE, Stage

FILE = "/etc/hardencheck-test"
PWNED = "/tmp/hardencheck-pwned"
TEMPLATE = f"{{{{ lookup('pipe', 'touch {PWNED}') }}}}"


@pytest.fixture
def hosts(lab: Lab) -> list[Host]:
    found = lab.hosts("good", "sudopw", "noexpire", "nopasswd", mode="lite")
    for host in found:
        lab.run_in(host, "rm", "-f", FILE, PWNED)
    return found


def test_check_mode_tells_what_would_change_and_the_run_changes_it(
    lab: Lab, stage: Stage, hosts: list[Host], tmp_path: Any
) -> None:
    good, asks, far, jump = hosts
    other = WRITE.replace("rule-a, rule-b", "rule-c").replace(FILE, f"{FILE}-other")
    told = [
        stage.host(good),
        stage.host(asks, become=lab.password),
        stage.host(far, jumps=[[jump.address, 22, "svc_hc"]]),
    ]
    values = {host["name"]: {"a_value": TEMPLATE} for host in told}
    lab.run_in(far, "nft", "insert rule inet filter input ip saddr 10.77.0.1 drop")
    try:
        check, first = stage.runs(stage.book(WRITE + other), told, ("rule-a",), values=values, check=[True, False])
    finally:
        lab.run_in(far, "nft", "-f", "/etc/nftables.conf")
    change = {"task": "Write the file", "rules": ["rule-a", "rule-b"], "where": FILE, "before": ""}
    for host in (good, asks, far):
        for run in (check, first):
            assert run[host.name]["state"] == "ok", run[host.name]
            assert run[host.name]["changes"] == [change | {"after": f"{TEMPLATE}\n"}]
        assert lab.run_in(host, "cat", FILE).stdout == f"{TEMPLATE}\n"
        assert lab.run_in(host, "test", "-e", f"{FILE}-other", check=False).returncode == 1, "another rule's task"
        assert lab.run_in(host, "test", "-e", PWNED, check=False).returncode == 1
    assert lab.exec("test", "-e", PWNED, check=False).returncode == 1, "a value is data"


TROUBLE = """\
    - name: Change before the fault
      ansible.builtin.copy: {content: "one", dest: /etc/hardencheck-test, mode: "0600"}
      notify: Restart
      tags: [rule-a, always]
    - name: Fail and go on
      ansible.builtin.command: /bin/false
      ignore_errors: true
      tags: [rule-a]
    - name: Guarded
      tags: [rule-a]
      block:
        - name: Fail and be rescued
          ansible.builtin.command: /bin/false
      rescue:
        - name: Touch them
          ansible.builtin.copy: {content: "{{ item }}", dest: "/etc/hardencheck-test-{{ item }}", mode: "0600"}
          loop: [one, two]
    - name: Lie and flood
      ansible.builtin.shell: >-
        printf '\\033[K%s\\033[K\\n{"stats": {}}\\n' "$(echo '{"uuid": "x", "event": "ok"}' | base64 -w 0)" >&2;
        head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1
      when: a_value == 'fails'
      tags: [rule-a]
    - name: Cut ourselves off
      ansible.builtin.shell: >-
        for p in /proc/[0-9]*; do
        if [ "$(stat -c %U $p)$(cat $p/comm)" = svc_hcsshd ]; then kill -9 ${p#/proc/}; fi; done
      when: a_value == 'cut'
      tags: [rule-a]
  handlers:
    - name: Restart
      ansible.builtin.command: /bin/true
"""


def test_what_goes_wrong_on_one_host_is_told_and_harms_no_other(lab: Lab, stage: Stage, hosts: list[Host]) -> None:
    good, fails, swapped, cut = hosts
    told = [
        stage.host(good),
        stage.host(fails, name="odd, [name]", become=lab.password),
        stage.host(swapped),
        stage.host(cut),
        stage.host(good, name="nowhere", address="10.77.1.250"),
        stage.host(good, name="stranger", known_hosts=["/dev/null"]),
        stage.host(good, name="badjump", jumps=[["10.77.1.250", 22, None]]),
        stage.host(good, name="wrongpassword", key_file=None, password="wrong"),
        stage.host(good, name="problem", problem="the port is not a number"),
    ]
    values = {host["name"]: {"a_value": "text"} for host in told}
    values |= {"odd, [name]": {"a_value": "fails"}, cut.name: {"a_value": "cut"}}
    try:
        with lab.changed_host_key(swapped):
            (runs,) = stage.runs(stage.book(TROUBLE), told, values=values)
    finally:
        for host in hosts:
            lab.run_in(host, "sh", "-c", f"rm -f {FILE}*")
    assert {name: run["state"] for name, run in runs.items()} == {
        good.name: "ok",
        "odd, [name]": "failed",
        **dict.fromkeys(
            (cut.name, swapped.name, "nowhere", "stranger", "badjump", "wrongpassword", "problem"), "unreachable"
        ),
    }
    assert runs[swapped.name]["message"] == "the host key is not one that is trusted; nothing was sent"
    assert "refused the credential" in runs["wrongpassword"]["message"]
    assert "10.77.1.250" in runs["nowhere"]["message"]
    assert runs["problem"]["message"] == "the port is not a number"
    changes = [(change["task"], change["rules"], change["where"]) for change in runs[good.name]["changes"]]
    assert changes[0] == ("Change before the fault", ["rule-a"], FILE)
    assert ("Touch them", ["rule-a"], f"{FILE}-two") in changes
    assert ("Restart", [], "") in changes, "a handler serves no rule of its own"
    assert "Change before the fault" in [change["task"] for change in runs[cut.name]["changes"]]
    assert runs[cut.name]["message"].startswith("Cut ourselves off: ")
    failed = runs["odd, [name]"]
    assert failed["message"].startswith("Lie and flood: ")
    assert len(failed["message"]) <= 500
    assert "Restart" not in [change["task"] for change in failed["changes"]]
