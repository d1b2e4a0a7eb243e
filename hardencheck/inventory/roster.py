"""HR's roster as a CSV file becomes a Roster, wholly or not at all.

The file is what a spreadsheet saves as CSV: UTF-8 with or without a byte order mark, `,` or `;` between the cells, the
eight columns of `COLUMNS` in any order, dates as YYYY-MM-DD. Columns without a name and lines without a cell are passed
over when they are empty; Excel leaves out the separators of empty cells at the end of a line; capitals mean nothing in
the columns' names and in status. Whatever is not clear is refused with its line and column: a leaver who is passed over
because of a typing error keeps the account. Messages never quote names, units or vendors.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

from hardencheck.errors import RosterError
from hardencheck.model.roster import COLUMNS, Person, Roster, Standing

MAX_BYTES = 8 * 1024 * 1024
MAX_PEOPLE = 50_000

#: What `hardencheck roster template` writes. Lines whose employee_id begins so are refused until they are replaced.
EXAMPLE = "EXAMPLE"
TEMPLATE = f"""\
{",".join(COLUMNS)}
{EXAMPLE}-1,ana.cruz,active,,,claims,,
{EXAMPLE}-2,ben.reyes,leave,,,claims,,
{EXAMPLE}-3,carl.diaz,left,2026-10-30,,billing,,
{EXAMPLE}-4,dina.lim,active,,2026-11-16,billing,,
{EXAMPLE}-5,ext-eva,active,,,,Acme Telephony,2026-12-31
"""

_LENGTHS = {"employee_id": 64, "login": 64, "process_unit": 100, "vendor": 100}
#: No mail address: it would match no account, and a leaver would pass for one who has none.
_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")
_DAY = re.compile(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\d")
_FORMULA = ("=", "+", "-", "@")
_A_DAY = "a day written as YYYY-MM-DD, such as 2026-11-30 (in a spreadsheet, give the column the format yyyy-mm-dd)"
#: The columns that a day has no business in.
_WORDS = ("employee_id", "login", "process_unit", "vendor")
#: The columns whose cells no line may leave out.
_NEEDED = ("employee_id", "login", "status", "last_day")


def read(path: Path, today: date) -> Roster:
    """Return the roster in a file; `today` tells days that have not come yet.

    Raises RosterError, whose `problems` name everything that is wrong with the file.
    """
    text = _text(path)
    problems: list[str] = []
    people: list[Person] = []
    earlier: dict[str, list[tuple[int, Person]]] = {}
    for line, cells in _rows(path, text):
        reader = _Line(cells, today)
        person = reader.person()
        problems += [f"{path}:{line}: {problem}" for problem in reader.problems]
        if person is None:
            continue
        for before, same in earlier.get(person.employee_id, []):
            if problem := _contradiction(same, person):
                problems.append(f"{path}:{line}: column {problem}, as line {before} has the same employee_id")
                break
        earlier.setdefault(person.employee_id, []).append((line, person))
        people.append(person)
    if problems:
        raise RosterError(problems)
    if not people:
        raise RosterError([f"{path}: nobody is on it, expected a line for each login below the columns' names"])
    return Roster(tuple(people))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RosterError([f"{path}: {(error.strerror or 'cannot be read').lower()}"]) from None
    if len(data) > MAX_BYTES:
        raise RosterError([f"{path}: it has more than {MAX_BYTES // 1024 // 1024} MiB, expected a roster"])
    if not data.strip():
        raise RosterError([f"{path}: the file is empty, expected the columns {', '.join(COLUMNS)}"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RosterError([f"{path}:{line}: it is not UTF-8; save it as 'CSV UTF-8'"]) from None


def _rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield line number and cells by column of every line that is not empty."""
    told, delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 0
    try:
        names: list[str] = []
        count = 0
        for row in lines:
            line, begun = lines.line_num, lines.line_num
            cells = [cell.strip(" ") for cell in row]
            if not any(cells) or (told and not names and cells[0].startswith("sep=")):
                continue
            if not names:
                names = _names(path, line, cells)
                continue
            count += 1
            if count > MAX_PEOPLE:
                raise RosterError([f"{path}:{line}: expected at most {MAX_PEOPLE} lines"])
            yield line, _cells(path, line, names, cells)
        if not names:
            raise RosterError([f"{path}: the file is empty, expected the columns {', '.join(COLUMNS)}"])
    except csv.Error as error:
        problem = f"not a line of a CSV file: {error}"
        if "unexpected end of data" in str(error):
            begun, problem = begun + 1, "a quotation mark is opened and never closed"
        else:
            begun = lines.line_num
        raise RosterError([f"{path}:{begun}: {problem}"]) from None


def _delimiter(text: str) -> tuple[bool, str]:
    """Return whether a line `sep=;` for Excel tells what stands between the cells, and what stands there."""
    header = next((line for line in re.split(r"[\r\n]+", text) if line.strip(" ,;")), "")
    if found := re.match(r"\"?sep=([,;])", header):
        return True, found[1]
    return False, ";" if header.count(";") > header.count(",") else ","


def _names(path: Path, line: int, cells: list[str]) -> list[str]:
    """Return the columns' names from the first line, "" where a column at the end has none."""
    names = [re.sub(r"[ -]", "_", name.lower()) for name in cells]
    while names and not names[-1]:
        names.pop()
    missing = [name for name in COLUMNS if name not in names]
    unknown = [name for name, known in zip(cells, names, strict=False) if known not in COLUMNS]
    double = sorted({name for name in names if names.count(name) > 1 and name in COLUMNS})
    said = [f"{', '.join(missing)} missing (a column must be there, its cells may be empty)"] if missing else []
    said += [f"{', '.join(map(_shown, unknown))} not known (take out what the roster does not need)"] if unknown else []
    said += [f"{', '.join(double)} there twice"] if double else []
    if "\t" in "".join(cells):
        said = ["tabs stand between them, expected commas or semicolons"]
    if said:
        problem = f"the first line must name the columns {', '.join(COLUMNS)}: {'; '.join(said)}"
        raise RosterError([f"{path}:{line}: {problem}"], hint="hardencheck roster template writes one to fill in")
    return names + [""] * (len(cells) - len(names))


def _cells(path: Path, line: int, names: list[str], cells: list[str]) -> dict[str, str]:
    """Return the cells of a line by column; those that Excel left out at its end are empty."""
    lost = [name for name in names[len(cells) :] if name in _NEEDED]
    if len(cells) > len(names) or lost:
        raise RosterError([f"{path}:{line}: expected {len(names)} cells, found {len(cells)}"])
    cells = cells + [""] * (len(names) - len(cells))
    nameless = [number for number, name in enumerate(names) if not name and cells[number]]
    if nameless:
        raise RosterError([f"{path}:{line}: cell {nameless[0] + 1} stands below no column's name"])
    return {name: cell for name, cell in zip(names, cells, strict=True) if name}


def _contradiction(before: Person, person: Person) -> str:
    """Say where two lines of one employee cannot both be true; somebody may have two logins."""
    if before.account == person.account:
        return "login: the same login again, expected one line for each login of a person"
    for name in ("status", "last_day", "absent_since"):
        if getattr(before, name) != getattr(person, name):
            return f"{name}: not the same for both logins of one person, expected the same"
    return ""


class _Line:
    """One line while it is read; `problems` grows with what is wrong in it."""

    def __init__(self, cells: Mapping[str, str], today: date) -> None:
        self._cells = cells
        self._latest = today + timedelta(days=1)  # tomorrow has begun where the sun rises first
        self.problems: list[str] = []

    def person(self) -> Person | None:
        """Return the person, or None when there is a problem."""
        for name in COLUMNS:
            if not self._cells[name].isprintable():
                self._wrong(name, "holds a control character, a line end or an invisible one, expected plain text")
            if self._cells[name].startswith(_FORMULA):
                self._wrong(name, "begins like a formula of a spreadsheet, expected plain text")
            if name in _WORDS and _DAY.fullmatch(self._cells[name]):
                self._wrong(name, "holds a day, expected a word (has a cell of this line been lost?)")
            if len(self._cells[name]) > _LENGTHS.get(name, 64):
                self._wrong(name, f"expected at most {_LENGTHS.get(name, 64)} characters")
        if self.problems:
            return None
        found = Person(
            employee_id=self._employee(),
            login=self._login(),
            status=self._status(),
            last_day=self._day("last_day"),
            absent_since=self._day("absent_since"),
            process_unit=self._cells["process_unit"],
            vendor=self._cells["vendor"],
            contract_end=self._day("contract_end"),
        )
        if not self.problems:
            self._agree(found)
        return None if self.problems else found

    def _agree(self, found: Person) -> None:
        """Note cells that contradict each other."""
        if found.status is Standing.LEFT and found.last_day is None:
            self._wrong("last_day", "it is empty, expected the last day of somebody who left")
        if found.status is Standing.LEFT and found.last_day and found.last_day > self._latest:
            self._wrong("last_day", "lies in the future, expected status active until then")
        if found.absent_since and found.status is Standing.LEAVE:
            self._wrong("absent_since", "expected it to be empty for somebody on leave, whose absence is explained")
        if found.absent_since and found.absent_since > self._latest:
            self._wrong("absent_since", "lies in the future, expected the first day of an absence")
        if found.absent_since and found.last_day and found.absent_since > found.last_day:
            self._wrong("absent_since", "comes after last_day, expected a day of work")
        if found.contract_end and not found.vendor:
            self._wrong("vendor", "it is empty, expected the company that contract_end belongs to")
        if found.contract_end and found.last_day and found.contract_end < found.last_day:
            self._wrong("contract_end", "comes before last_day, expected the contract to cover it")

    def _employee(self) -> str:
        found = self._cells["employee_id"]
        if not found:
            self._wrong("employee_id", "it is empty, expected HR's number of the person")
        if found.upper().startswith(EXAMPLE):
            self._wrong("employee_id", "this is an example of the template, expected your own people")
        return found

    def _login(self) -> str:
        found = self._cells["login"]
        if not _LOGIN.fullmatch(found):
            extra = ", without a domain" if "\\" in found or "@" in found else ""
            self._wrong("login", f"found {_shown(found)}, expected the name of an account, such as ana.cruz{extra}")
        return found

    def _status(self) -> Standing:
        found = self._cells["status"].lower()
        if found not in set(Standing):
            self._wrong("status", f"found {_shown(self._cells['status'])}, expected one of {', '.join(Standing)}")
            return Standing.ACTIVE
        return Standing(found)

    def _day(self, name: str) -> date | None:
        found = self._cells[name]
        if not found:
            return None
        try:
            if _DAY.fullmatch(found):
                return date.fromisoformat(found)
        except ValueError:
            pass
        self._wrong(name, f"found {_shown(found)}, expected {_A_DAY}")
        return None

    def _wrong(self, column: str, problem: str) -> None:
        self.problems.append(f"column {column}: {problem}")


def _shown(cell: str) -> str:
    text = cell if len(cell) <= 30 else f"{cell[:30]}..."
    # not repr alone: it doubles the backslash of DOMAIN\\name
    return f"'{text}'" if text.isprintable() and "'" not in text else repr(text)
