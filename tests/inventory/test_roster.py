"""HR's roster as a file: read wholly, or refused with everything that is wrong with it."""

from __future__ import annotations

import csv
import io
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.errors import RosterError
from hardencheck.inventory.roster import MAX_BYTES, TEMPLATE, read
from hardencheck.model.roster import COLUMNS, Person, Roster, Standing

TODAY = date(2026, 11, 22)
HEADER = ",".join(COLUMNS)
ANA = "1,ana.cruz,active,,,claims,,"


def write(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(RosterError) as raised:
        read(path, TODAY)
    assert raised.value.exit_code == 78
    assert raised.value.hint
    return [problem.removeprefix(str(path)) for problem in raised.value.problems]


def test_every_column_is_read(tmp_path: Path) -> None:
    found = read(write(tmp_path, ANA, "2,ext-eva,left,2026-10-30,2026-10-12,it,Acme,2026-12-31"), TODAY)
    assert found.people[0] == Person("1", "ana.cruz", Standing.ACTIVE, process_unit="claims")
    days = {"last_day": date(2026, 10, 30), "absent_since": date(2026, 10, 12), "contract_end": date(2026, 12, 31)}
    assert found.people[1] == Person("2", "ext-eva", Standing.LEFT, process_unit="it", vendor="Acme", **days)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte-order-mark"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_what_a_spreadsheet_saves_is_the_same_roster(tmp_path: Path, mark: str, delimiter: str, end: str) -> None:
    rows = [[*COLUMNS], ["1", "ana.cruz", "active", "", "", "Claims; UK, 2", "", ""], [""] * 8]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    path = tmp_path / "r.csv"
    path.write_bytes((mark + text.getvalue()).encode())
    found = read(path, TODAY)
    assert found.people == (Person("1", "ana.cruz", Standing.ACTIVE, process_unit="Claims; UK, 2"),)


def test_columns_and_lines_may_be_in_any_order(tmp_path: Path) -> None:
    one = read(write(tmp_path, ANA, "2,ben,leave,,,,,"), TODAY)
    header = "login,employee_id,status,last_day,absent_since,process_unit,vendor,contract_end"
    other = read(write(tmp_path, "ben,2,leave,,,,,", " ana.cruz ,1,active,,,claims,,", header=header), TODAY)
    assert one.digest == other.digest
    assert one.to_bytes() == other.to_bytes()


def test_what_excel_does_to_a_file_is_understood(tmp_path: Path) -> None:
    """A line for Excel, names with capitals and blanks, empty columns and lines, separators that are left out."""
    path = tmp_path / "r.csv"
    lines = [
        "sep=;",
        "Login;Employee ID;STATUS;Last-Day;Absent since;Process unit;Vendor;Contract_End;;",
        "ANA.CRUZ;1;Active;;;claims;;;;",
        "Ben;2;LEFT;2026-10-30",
        ";;;;;;;;;",
        "",
    ]
    path.write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())
    found = read(path, TODAY).people
    assert [(person.account, person.status, person.process_unit) for person in found] == [
        ("ana.cruz", Standing.ACTIVE, "claims"),
        ("ben", Standing.LEFT, ""),
    ]
    assert found[1].last_day == date(2026, 10, 30)


WRONG = {
    "day as a spreadsheet shows it": ("1,a,left,30/10/2026,,,,", ":2: column last_day: found '30/10/2026', expected"),
    "day that does not exist": ("1,a,left,2026-02-30,,,,", ":2: column last_day: found '2026-02-30', expected a day"),
    "day without dashes": ("1,a,left,20261030,,,,", "expected a day written as YYYY-MM-DD"),
    "week instead of a day": ("1,a,left,2026-W44-5,,,,", "expected a day written as YYYY-MM-DD"),
    "unknown status": ("1,a,resigned,,,,,", "column status: found 'resigned', expected one of active, leave, left"),
    "status of another system": ("1,a,Terminated,,,,,", "column status: found 'Terminated', expected one of active"),
    "no status": ("1,a,,,,,,", "column status: found ''"),
    "leaver without a last day": ("1,a,left,,,,,", "column last_day: it is empty, expected the last day"),
    "leaver of the future": ("1,a,left,2062-10-30,,,,", "column last_day: lies in the future"),
    "absent on leave": ("1,a,leave,,2026-11-01,,,", "column absent_since: expected it to be empty"),
    "absent from tomorrow on": ("1,a,active,,2026-11-24,,,", "column absent_since: lies in the future"),
    "absent after the end": ("1,a,left,2026-10-01,2026-10-02,,,", "column absent_since: comes after last_day"),
    "contract of nobody": ("1,a,active,,,,,2026-12-31", "column vendor: it is empty"),
    "contract before the end": ("1,a,left,2026-10-30,,,Acme,2026-10-29", "column contract_end: comes before last_day"),
    "no login": ("1,,active,,,,,", "column login: found ''"),
    "login with a blank": ("1,ana cruz,active,,,,,", "column login: found 'ana cruz', expected the name"),
    "mail address": ("1,ana.cruz@example.com,active,,,,,", "column login: found 'ana.cruz@example.com', expected"),
    "login of a domain": (
        r"1,ACME\ana,active,,,,,",
        r"found 'ACME\ana', expected the name of an account, such as ana.cruz, wi",
    ),
    "cell lost": ("1,eva,active,,,Acme,2026-12-31", ":2: column vendor: holds a day"),
    "text behind the last column": ("1,a,active,,,,,,x", ":2: expected 8 cells, found 9"),
    "login of a path": ("1,../ana,active,,,,,", "column login"),
    "no number": (",a,active,,,,,", "column employee_id: it is empty"),
    "formula": ("1,a,active,,,=HYPERLINK(1),,", "column process_unit: begins like a formula"),
    "formula in the number": ("+1,a,active,,,,,", "column employee_id: begins like a formula"),
    "escape code": ("1,a,active,,,\x1b[2J,,", "column process_unit: holds a control character"),
    "nul": ("1,a\0,active,,,,,", "column login: holds a control character"),
    "zero width": ("1,a\u200b,active,,,,,", "column login: holds a control character"),
    "line end in a cell": ('1,a,active,,,"x\ny",,', ":3: column process_unit: holds a control character"),
    "long": (f"1,{'a' * 65},active,,,,,", "column login: expected at most 64 characters"),
    "cells missing": ("1,a,active", ":2: expected 8 cells, found 3"),
    "quote opened two lines before": (f'1,"a,active,,,,,\n{ANA}\n{ANA}', ":2: a quotation mark is opened and never"),
    "cells too many": (f"{ANA},", ":2: expected 8 cells, found 9"),
    "open quote": ('1,"a,active,,,,,', ":2: a quotation mark is opened and never closed"),
    "quote in the middle": ('1,"a"b,active,,,,,', ":2: not a line of a CSV file"),
    "example left": ("EXAMPLE-1,a,active,,,,,", "column employee_id: this is an example of the template"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_clear_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    line, said = WRONG[name]
    assert any(said in problem for problem in problems(write(tmp_path, line)))


def test_all_problems_are_named_at_once_and_nothing_is_half_accepted(tmp_path: Path) -> None:
    found = problems(write(tmp_path, "1,a,gone,,,,,", ANA, "2,b,left,,,,,"))
    assert [problem.split(":")[1] for problem in found] == ["2", "4"]


def test_one_person_may_have_two_logins_but_only_one_fate(tmp_path: Path) -> None:
    assert len(read(write(tmp_path, ANA, "1,ana.admin,active,,,it,,"), TODAY).people) == 2
    (found,) = problems(write(tmp_path, ANA, "1,ana.admin,left,2026-10-30,,it,,"))
    assert ":3: column status: not the same for both logins" in found
    (found,) = problems(write(tmp_path, ANA, "1,Ana.Cruz,active,,,it,,"))
    assert ":3: column login: the same login again" in found


def test_one_login_may_be_given_to_several_people(tmp_path: Path) -> None:
    found = read(write(tmp_path, "1,desk7,active,,,,,", "2,Desk7,active,,,,,"), TODAY)
    assert len(found.by_account["desk7"]) == 2, "that is for a rule to judge"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\n", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (HEADER.encode(), "nobody is on it"),
        (
            b"login,status\na,active\n",
            "employee_id, last_day, absent_since, process_unit, vendor, contract_end missing (a col",
        ),
        (HEADER.encode() + b",salary\n", "'salary' not known (take out"),
        (HEADER.replace(",", "\t").encode(), "tabs stand between them"),
        (f"{HEADER},\n{ANA},x\n".encode(), ":2: cell 9 stands below no column's name"),
        (HEADER.encode() + b",login\n", "login there twice"),
        (f"{HEADER}\n{ANA}\n".encode("utf-16"), "it is not UTF-8"),
        (f"{HEADER}\n1,jos\u00e9,active,,,,,\n".encode("latin-1"), ":2: it is not UTF-8"),
        (b"x" * (MAX_BYTES + 1), "more than 8 MiB"),
        (b"PK\x03\x04" + bytes(range(256)), "it is not UTF-8"),
        (b'"' + b"x" * 200_000, "not a line of a CSV file"),
        (b"sep=;\n", "the file is empty"),
    ],
)
def test_a_file_that_is_no_roster(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(data)
    (found,) = problems(path)
    assert said in found


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in problems(tmp_path / "none.csv")[0]
    assert "is a directory" in problems(tmp_path)[0]


def test_the_template_is_clear_once_its_examples_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text(TEMPLATE)
    assert all("example of the template" in problem for problem in problems(path))
    path.write_text(TEMPLATE.replace("EXAMPLE", "E"))
    assert {person.status for person in read(path, TODAY).people} == set(Standing)


def test_messages_do_not_spread_what_hr_wrote(tmp_path: Path) -> None:
    found = problems(write(tmp_path, "Number7,a,left,,,Secret Unit,Secret Vendor,"))
    assert not any(word in problem for problem in found for word in ("Number7", "Secret"))


DAYS = st.none() | st.dates(date(1970, 1, 1), date(2199, 12, 31))
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=10)
PEOPLE = st.builds(Person, TEXTS, TEXTS, st.sampled_from(Standing), DAYS, DAYS, TEXTS, TEXTS, DAYS)


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(PEOPLE, max_size=5))
def test_what_is_stored_is_read_back(people: list[Person]) -> None:
    roster = Roster(tuple(people))
    again = Roster.from_bytes(roster.to_bytes())
    assert again.digest == roster.digest
    assert sorted(map(repr, again.people)) == sorted(map(repr, people))


@settings(deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"{HEADER}\n{text}".encode()))
def test_any_bytes_are_a_roster_or_a_clear_refusal(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with suppress(RosterError):
            assert read(Path(file.name), TODAY).people
