"""Exclusions of Microsoft Defender Antivirus: which leave room for malware, in every way to write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.probes.windows.defender_exclusions import broad


@pytest.mark.parametrize(
    "path",
    [
        "C:\\", "c:", "C:\\*", "C:\\*.*", "D:\\", "C:\\Windows", "C:\\Windows\\System32\\", "C:\\Windows\\Temp\\*",
        "C:\\Users", "C:\\Users\\*\\AppData\\Local\\Vendor", "C:\\Users\\anna\\Downloads", "C:\\Users\\anna\\tool.exe",
        "C:\\Program Files", "C:\\Program Files (x86)\\*", "C:\\ProgramData", "%TEMP%", "%USERPROFILE%\\Desktop",
        "%SystemDrive%\\", "%ProgramData%", "\\\\?\\C:\\Users",
        '"C:\\Users"', "C:/Users/", "*", "C:\\Temp\\x\\*", "C:\\Users\\*.ps1",
        "C:\\Users\\anna.smith", "C:\\Users\\anna\\AppData\\Local\\Vendor.Product", "C:\\Temp\\v1.2",
        "C:\\Users\\x.log\\",
        "?:\\", "*:\\", "C:\\U*", "C:\\*\\Vendor", "C:\\Program Files*", "C:\\Win?ows", "*.exe", "C:\\$Recycle.Bin\\x",
        "C:\\Windows\\Tasks\\x.exe", "C:\\Windows\\System32\\spool\\drivers\\color", "C:\\:{PathType:folder}",
        "C:\\Users\\:{PathType:folder,ScanTrigger:OnAccess}", "C:\\Users\\a.log\\:{PathType:folder}",
    ],
)  # fmt: skip
def test_a_path_that_leaves_room(path: str) -> None:
    assert broad([path], [], []) == [f"path {path}"]


@pytest.mark.parametrize(
    "path",
    [
        "C:\\Program Files\\Telephony", "C:\\Program Files\\Telephony\\softphone.exe", "E:\\Recordings\\*.wav",
        "C:\\Windows\\SoftwareDistribution\\Datastore\\*.edb", "%TEMP%\\*\\*.VHDX", "C:\\ProgramData\\Vendor\\Cache",
        "%TEMP%\\*.VHD.metadata", "C:\\Windows\\System32\\spool\\PRINTERS\\*.spl",
        "C:\\:{PathType:folder,ScanTrigger:OnDemand}",
        'C:\\Users\\:{PathType:folder,Process:"C:\\Program Files\\Vendor\\a.exe"}', "C:\\Program Files\\Vendor.Product",
        "softphone.exe", "\\\\server\\share", "C:\\inetpub\\logs", "\\\\server\\profiles\\*.vhdx",
        "C:\\Users\\*\\Outlook.ost", "C:\\Windows\\NTDS\\ntds.dit",
    ],
)  # fmt: skip
def test_a_path_that_does_not(path: str) -> None:
    assert broad([path], [], []) == []


@pytest.mark.parametrize(
    "extension", ["exe", ".exe", "*.exe", "EXE", "ps1", "docm", "js", "*", "", "zip", "7z", "tmp", "e?e"]
)
def test_a_kind_of_file_that_runs(extension: str) -> None:
    assert broad([], [extension], [])


@pytest.mark.parametrize("extension", ["log", ".mdf", "vhdx", "wav"])
def test_a_kind_of_file_that_does_not(extension: str) -> None:
    assert not broad([], [extension], [])


@pytest.mark.parametrize(
    "process",
    ["powershell.exe", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "CMD.EXE", "*", "*.exe",
     "C:\\Users\\anna\\tool.exe", "%TEMP%\\setup.exe", "C:\\*", "C:\\Windows\\*", "C:\\Program Files\\*",
     "D:\\Temp\\a.exe"],
)  # fmt: skip
def test_a_program_that_runs_others(process: str) -> None:
    assert broad([], [], [process])


def test_a_program_of_its_own() -> None:
    assert not broad([], [], ["C:\\Program Files\\Telephony\\softphone.exe", "sqlservr.exe"])


@given(st.text(max_size=60), st.text(max_size=12), st.text(max_size=60))
def test_any_text_is_judged(path: str, extension: str, process: str) -> None:
    assert len(broad([path], [extension], [process])) <= 3


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12), st.booleans())
def test_case_slashes_and_wildcards_change_nothing(name: str, star: bool) -> None:
    path = f"C:\\Users\\{name}" + ("\\*" if star else "")
    assert broad([path, path.upper(), path.replace("\\", "/")], [], []) != []
