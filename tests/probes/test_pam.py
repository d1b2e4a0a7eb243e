"""The grammar of PAM: which handlers a service gets, and what stands in for a line that libpam cannot use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.model.probe import System
from hardencheck.probes.linux.pam import Configuration, Handler
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.linux.pam_modules import fixed_answer, worlds
from hardencheck.probes.output import Output, Run

MODULES = "pam_unix.so pam_deny.so pam_permit.so pam_env.so pam_succeed_if.so pam_bank.so"


def configuration(files: dict[str, str], family: str = "debian", unreadable: str = "") -> Configuration:
    """Return the configuration of a host with these files; names without a slash are in /etc/pam.d."""
    output = Output()
    output.files.update({path if "/" in path else f"/etc/pam.d/{path}": body for path, body in files.items()})
    output.unreadable.update({unreadable} - {""})
    directories = {path.rpartition("/")[0] for path in output.files if path.rpartition("/")[0].endswith("pam.d")}
    output.runs["pam.d"] = Run("".join(f"{directory}/\n" for directory in directories), 0)
    output.runs["modules"] = Run("/lib/security:\n" + MODULES.replace(" ", "\n"), 0)
    return Configuration(output, System(distribution=family))


def stack(body: str, family: str = "debian", **others: str) -> tuple[Handler, ...]:
    """Return the auth handlers of a service with this file."""
    return configuration({"svc": body, **others}, family).stack("svc", "auth").handlers


def shape(handlers: tuple[Handler, ...]) -> list[tuple[str, str, int]]:
    """Reduce handlers to what these tests look at."""
    return [(handler.kind, handler.module, handler.level) for handler in handlers]


def test_lines_are_joined_and_comments_dropped() -> None:
    first = "auth required \\\n# between\n\n  pam_unix.so nullok \\\n try_first_pass # the end \\\n"
    handlers = stack(first + "auth required pam_deny.so\n")
    assert [(handler.module, handler.args) for handler in handlers] == [
        ("pam_unix", ("nullok", "try_first_pass")),
        ("pam_deny", ()),
    ]
    assert [handler.where for handler in handlers] == ["/etc/pam.d/svc:1", "/etc/pam.d/svc:6"]


def test_brackets_hold_one_word() -> None:
    (handler,) = stack("auth [success=1  new_authtok_reqd=done default=ignore] pam_unix.so [a b\\] c] d\n")
    assert handler.args == ("a b] c", "d")
    actions = {code: handler.control.action(code) for code in ("success", "new_authtok_reqd", "auth_err", "ignore")}
    assert actions == {"success": 1, "new_authtok_reqd": "done", "auth_err": "ignore", "ignore": "ignore"}


@pytest.mark.parametrize(
    "control", ["[success=0 default=ignore]", "[succes=ok]", "[success]", "sufficent", "[success=okay]"]
)
def test_a_control_that_cannot_be_parsed_makes_everything_bad(control: str) -> None:
    (handler,) = stack(f"auth {control} pam_permit.so\n")
    assert dispatch([handler], lambda _: "success") != "success"


def test_a_type_in_capitals_with_a_dash_is_a_type() -> None:
    assert shape(stack("-AUTH Required pam_unix.so\n")) == [("module", "pam_unix", 0)]


def test_other_stands_in_per_type() -> None:
    found = configuration({"svc": "auth required pam_unix.so\n", "other": "password required pam_deny.so\n"})
    assert found.stack("svc", "password").path == "/etc/pam.d/other"
    assert found.stack("svc", "auth").path == "/etc/pam.d/svc"
    assert found.stack("svc", "session").denied


def test_include_and_substack_differ_in_level() -> None:
    inner = "auth required pam_unix.so\naccount required pam_deny.so\n"
    assert shape(stack("auth include inner\n", inner=inner)) == [("module", "pam_unix", 0)]
    assert shape(stack("auth substack inner\n", inner=inner)) == [("substack", "", 0), ("module", "pam_unix", 1)]


def test_at_include_is_known_on_debian_alone() -> None:
    inner = "auth required pam_unix.so\n"
    assert shape(stack("@include inner\n", inner=inner)) == [("module", "pam_unix", 0)]
    assert shape(stack("@include inner\n", family="rhel", inner=inner)) == [("fail", "", 0)]


def test_files_that_include_each_other_come_to_an_end() -> None:
    found = configuration({"svc": "auth include svc\n", "loop": "@include loop\n"})
    assert shape(found.stack("svc", "auth").handlers)[-1] == ("fail", "", 0)
    assert "without end" in found.stack("loop", "auth").denied


def test_a_missing_at_include_denies_the_whole_service() -> None:
    found = configuration({"svc": "auth required pam_permit.so\n@include gone\n"}).stack("svc", "auth")
    assert "missing" in found.denied
    assert not found.handlers


def test_a_module_that_is_not_installed_is_told_from_one_elsewhere() -> None:
    body = "auth required pam_gone.so\nauth required /opt/bank/pam_x.so\nauth required /lib/security/$ISA/pam_unix.so\n"
    assert shape(stack(body)) == [
        ("absent", "pam_gone", 0),
        ("module", "/opt/bank/pam_x.so", 0),
        ("module", "pam_unix", 0),
    ]


def test_a_module_of_the_same_name_in_another_directory_is_another_module() -> None:
    body = "auth required /opt/security/pam_unix.so\nauth required security/pam_unix.so\n"
    assert shape(stack(body)) == [("module", "/opt/security/pam_unix.so", 0), ("module", "pam_unix", 0)]


def test_debian_looks_for_modules_in_lib_security_too() -> None:
    """Measured on Debian 12: `auth sufficient pam_x.so` takes the module that lies in /lib/security."""
    listing = "/usr/lib/x86_64-linux-gnu/security:\npam_unix.so\n/usr/lib/security:\npam_x.so\n"
    for family, kind in (("debian", "module"), ("rhel", "absent")):
        output = Output(files={"/etc/pam.d/svc": "auth sufficient pam_x.so\nauth required pam_unix.so\n"})
        output.runs |= {"pam.d": Run("/etc/pam.d/\nsvc\n", 0), "modules": Run(listing, 0)}
        found = Configuration(output, System(distribution=family, machine="x86_64")).stack("svc", "auth")
        assert shape(found.handlers) == [(kind, "pam_x", 0), ("module", "pam_unix", 0)]


def test_the_administrators_directory_beats_the_vendors() -> None:
    found = configuration(
        {"svc": "auth required pam_deny.so\n", "/usr/lib/pam.d/svc": "auth required pam_permit.so\n"}
        | {"/usr/etc/pam.d/only": "auth include inner\n", "/usr/lib/pam.d/inner": "auth required pam_unix.so\n"}
    )
    assert [handler.module for handler in found.stack("svc", "auth").handlers] == ["pam_deny"]
    assert [handler.module for handler in found.stack("only", "auth").handlers] == ["pam_unix"]
    assert found.has("only")
    assert not found.has("gone")


def test_a_file_that_may_not_be_read_is_named() -> None:
    found = configuration({"svc": "@include inner\n"}, unreadable="/etc/pam.d/inner").stack("svc", "auth")
    assert found.unreadable == "/etc/pam.d/inner"
    outside = configuration({"svc": "auth include /srv/pam/inner\n"}).stack("svc", "auth")
    assert outside.unreadable == "/srv/pam/inner"


def test_pam_conf_counts_where_no_directory_is() -> None:
    found = configuration({"/etc/pam.conf": "Login auth required pam_unix.so\nother auth required pam_deny.so\n"})
    assert [handler.module for handler in found.stack("login", "auth").handlers] == ["pam_unix"]
    assert [handler.module for handler in found.stack("sshd", "auth").handlers] == ["pam_deny"]
    assert found.has("login")
    assert not found.has("sshd")


def test_modules_of_the_machine_are_told_from_foreign_ones() -> None:
    output = Output()
    output.runs["pam.d"] = Run("/etc/pam.d/\n", 0)
    listing = "/usr/lib/i386-linux-gnu/security:\npam_a.so\n/usr/lib/x86_64-linux-gnu/security:\npam_unix.so\n"
    output.runs["modules"] = Run(listing, 0)
    assert Configuration(output, System(machine="x86_64")).modules == {"pam_unix.so"}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("uid >= 1000 quiet", "success"),
        ("uid < 1000", "auth_err"),
        ("uid < 500 user ingroup x", "auth_err"),
        ("user != root quiet_success", "success"),
        ("user ingroup managers", None),
        ("uid", None),
    ],
)
def test_conditions_for_an_ordinary_user(args: str, expected: str | None) -> None:
    (handler,) = stack(f"auth required pam_succeed_if.so {args}\n")
    assert fixed_answer(handler) == expected


def test_worlds_come_in_one_group_per_answer_of_unknown_modules() -> None:
    handlers = stack(
        "auth required pam_bank.so\nauth required pam_succeed_if.so user ingroup x\nauth required pam_unix.so\n"
    )
    groups = worlds(handlers, lambda handler: handler.module == "pam_unix")
    assert [len(group) for group in groups] == [2, 2, 2]


def test_too_many_unknown_modules_are_no_answer() -> None:
    handlers = stack("".join(f"auth required pam_bank.so {number}\n" for number in range(8)))
    assert worlds(handlers, lambda _: False) == []


_TYPES = ("auth", "password", "-auth", "@include", "include", "substack")
_WORDS = st.sampled_from(
    (*_TYPES, "inner", "svc", "required", "pam_unix.so", "[success=1 default=die]", "[default=9999999999]", *"[]\\#é")
)
_TEXT = st.lists(st.lists(_WORDS, max_size=6).map(" ".join), max_size=8).map("\n".join)


@settings(max_examples=200, derandomize=True, database=None)
@given(body=st.one_of(_TEXT, st.text()), inner=_TEXT, family=st.sampled_from(["debian", "rhel"]))
def test_any_text_gives_a_stack(body: str, inner: str, family: str) -> None:
    found = configuration({"svc": body, "inner": inner}, family)
    for type_ in ("auth", "password"):
        dispatch(found.stack("svc", type_).handlers, lambda _: "success")
