from __future__ import annotations

import os

import pytest

from hardencheck.inventory.ssh_arguments import SshArguments, UnusableArgumentsError, parse
from hardencheck.model.host import Jump

GLOBAL = tuple(filter(os.path.exists, ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")))
PERSONAL = tuple(
    filter(os.path.exists, (os.path.expanduser("~/.ssh/known_hosts"), os.path.expanduser("~/.ssh/known_hosts2")))
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", SshArguments()),
        ("-C -o ControlMaster=auto -o ControlPersist=60s", SshArguments()),
        ("-o ProxyJump=a,b:2222", SshArguments(jumps=(Jump("a"), Jump("b", 2222)))),
        ("-J user@bastion:22", SshArguments(jumps=(Jump("bastion", 22, "user"),))),
        ("-Juser@bastion", SshArguments(jumps=(Jump("bastion", 22, "user"),))),
        ("-o 'proxyjump ssh://u@h:3/'", SshArguments(jumps=(Jump("h", 3, "u"),))),
        ("-J [2001:db8::1]:23,2001:db8::2", SshArguments(jumps=(Jump("2001:db8::1", 23), Jump("2001:db8::2")))),
        ("-J first -J second", SshArguments(jumps=(Jump("first"),))),
        ("-o ProxyJump=none", SshArguments()),
        ("-oPort=2200 -p 23", SshArguments(port=2200)),
        ("-p 23 -l ann -i /k/id", SshArguments(port=23, user="ann", key_file="/k/id")),
        ("-o User=ann -o IdentityFile=/k/id", SshArguments(user="ann", key_file="/k/id")),
        ("-o StrictHostKeyChecking=yes -o ProxyCommand=none", SshArguments()),
        ("-o UserKnownHostsFile=/a", SshArguments(known_hosts=("/a", *GLOBAL))),
        ("-o 'UserKnownHostsFile=/a /b'", SshArguments(known_hosts=("/a", "/b", *GLOBAL))),
        ("-o GlobalKnownHostsFile=/g", SshArguments(known_hosts=(*PERSONAL, "/g"))),
        ("-o UserKnownHostsFile=/a -o GlobalKnownHostsFile=/g", SshArguments(known_hosts=("/a", "/g"))),
    ],
)
def test_what_is_honoured(text: str, expected: SshArguments) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("value", ["no", "off", "accept-new"])
def test_host_keys_are_verified_whatever_the_options_say(value: str) -> None:
    arguments = parse(f"-o StrictHostKeyChecking={value} -o UserKnownHostsFile=/dev/null")

    assert arguments.known_hosts == ()
    assert len(arguments.warnings) == 2
    assert all("always verifies host keys" in warning for warning in arguments.warnings)


def test_unknown_options_are_named_without_their_values() -> None:
    arguments = parse("-F s3cret -o SetEnv=TOKEN=s3cret -o 's3 cret'")

    assert arguments.warnings == (
        "ssh option -F is ignored: hardencheck does not know it",
        "ssh option setenv is ignored: hardencheck does not know it",
        "ssh option s3 is ignored: hardencheck does not know it",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("-o ProxyCommand='ssh -W %h:%p gate'", "ProxyCommand is not supported; use -o ProxyJump"),
        ("-o proxycommand=x -J gate", "ProxyCommand is not supported"),
        ("-o 'unclosed", "a quote or a value is missing"),
        ("-J", "a quote or a value is missing"),
        ("-Z", "a quote or a value is missing"),
        ("gate uname", "a word that is not an option"),
        ("-p 0", "the port"),
        ("-p 99999999999999999999", "the port"),
        ("-J 'a b'", "ProxyJump is not a list"),
        ("-J a:x", "ProxyJump is not a list"),
        ("-J a,,b", "ProxyJump is not a list"),
        ("-J -oProxyCommand=x", "ProxyJump is not a list"),
    ],
)
def test_what_forbids_connecting(text: str, sentence: str) -> None:
    with pytest.raises(UnusableArgumentsError, match=sentence):
        parse(text)
