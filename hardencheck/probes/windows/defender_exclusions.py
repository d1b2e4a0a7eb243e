"""Which exclusions of Microsoft Defender Antivirus leave room for malware: whole drives, folders that users may write
to, kinds of files that run, programs that run scripts.

A file of one kind that does not run (`C:\\Users\\*\\Profile.vhdx`, `*.log`) leaves none.
https://learn.microsoft.com/defender-endpoint/common-exclusion-mistakes-microsoft-defender-antivirus
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: kinds of files that run, make others run, or are unpacked into such; among them those that Microsoft names
_RUNS = _words(
    """
    exe dll com scr cpl sys ocx msi msp msc bat cmd ps1 psm1 psd1 vbs vbe js jse wsf wsh wsc hta lnk url reg jar py pyw
    pif inf chm docm dotm xlsm xltm xlam xll pptm ppam iso img java job fla ko bin tmp 7z 7zip zip rar cab gz tar tgz
    """
)
#: kinds of files that only hold data; a name that ends in anything else may be a folder's (C:\Users\anna.smith)
_RESTS = _words(
    """
    log etl evtx txt csv xml json ini cfg conf dat db db3 sqlite mdb accdb ldb laccdb mdf ndf ldf bak trn edb chk
    jrs jfm stm dit pat ost pst nst oab vhd vhdx avhd avhdx vhds vmdk vmem vswp vmcx vmrs vmgs qcow2 wav mp3 mp4 wma
    wmv ogg opus aac m4a flac avi mkv mov gsm g729 spx jpg jpeg png gif bmp tif tiff pdf cache lock pid pol cim meta
    metadata sdb spl shd
    """
)
#: programs that open whatever they are told to
_INTERPRETERS = _words(
    """
    powershell.exe powershell_ise.exe pwsh.exe cmd.exe wscript.exe cscript.exe mshta.exe rundll32.exe regsvr32.exe
    msbuild.exe installutil.exe wmic.exe explorer.exe svchost.exe python.exe pythonw.exe java.exe javaw.exe node.exe
    winword.exe excel.exe powerpnt.exe outlook.exe olk.exe chrome.exe msedge.exe firefox.exe iexplore.exe msiexec.exe
    bitsadmin.exe certutil.exe regasm.exe regsvcs.exe dllhost.exe perl.exe php.exe ruby.exe wsl.exe bash.exe
    """
)
#: folders in which nearly everything lies
_WHOLE = ("", "windows", "windows/system32", "windows/syswow64", "program files", "program files (x86)", "programdata")
#: folders into which every user may write, so that what is below them is open, too
_WRITABLE = (
    "users", "documents and settings", "temp", "tmp", "windows/temp", "windows/tasks", "windows/tracing",
    "windows/system32/spool", "$recycle.bin",
)  # fmt: skip
_VARIABLES = {
    "systemdrive": "c:", "homedrive": "c:", "systemroot": "c:/windows", "windir": "c:/windows",
    "programfiles": "c:/program files", "programfiles(x86)": "c:/program files (x86)",
    "programw6432": "c:/program files", "programdata": "c:/programdata", "allusersprofile": "c:/programdata",
    "public": "c:/users/public", "userprofile": "c:/users/any", "homepath": "c:/users/any",
    "appdata": "c:/users/any/appdata", "localappdata": "c:/users/any/appdata", "temp": "c:/temp", "tmp": "c:/temp",
}  # fmt: skip
#: what may stand after a path: that it holds for scans on demand alone, for files of one kind, for one program
_CONTEXT = re.compile(r"/?:\{([^}]*)\}\Z")


def broad(paths: Iterable[str], extensions: Iterable[str], processes: Iterable[str]) -> list[str]:
    """Return the exclusions that leave room for malware, each as "path C:\\Users"."""
    found = [f"path {path}" for path in paths if _broad_path(path)]
    found += [f"extension {extension}" for extension in extensions if _broad_extension(extension)]
    found += [f"process {process}" for process in processes if _broad_process(process)]
    return sorted(found)


def _plain(path: str) -> str:
    """Return a path in lower case with slashes, its variables as on most hosts, and no wildcards at its end."""
    text = path.strip().strip('"').lower().replace("\\", "/").removeprefix("//?/")
    text = re.sub(r"%([^%]*)%", lambda found: _VARIABLES.get(found[1], found[0]), text)
    text = re.sub(r"/{2,}", "/", text)
    return re.sub(r"(/(\*(\.\*)?)?)+$", "", text)


def _broad_path(path: str) -> bool:
    text = path.strip().strip('"').lower().replace("\\", "/")
    if context := _CONTEXT.search(text):
        words = context[1].replace(" ", "")
        # what is looked at when it is opened, or is left out for one program alone, is no place to hide in
        if "scantrigger:ondemand" in words or "process:" in words:
            return False
        text = text[: context.start()]
        text += "/" if "pathtype:folder" in words else ""
    is_folder = text.endswith("/")
    text = _plain(text)
    name = text.rpartition("/")[2]
    extension = name.rpartition(".")[2] if "." in name else ""
    if extension in _RESTS and not is_folder:
        return False
    drive, colon, rest = text.partition(":")
    if not colon:
        # elsewhere: a share, or a name in every folder
        return text in ("", "*", "*.*", "/", "?", "**") or ("/" not in text and "*" in name and extension in _RUNS)
    return len(drive) <= 1 and _broad_folder(rest.strip("/"))


def _broad_folder(folder: str) -> bool:
    """Whether a folder of a drive holds nearly everything, or every user may write to it or below; * is any name."""
    parts = folder.split("/")
    if any(_alike(parts, name.split("/"), whole=True) for name in _WHOLE):
        return True
    return any(_alike(parts, name.split("/"), whole=False) for name in _WRITABLE)


def _alike(parts: list[str], name: list[str], *, whole: bool) -> bool:
    """Whether the pattern `parts` is, or without `whole` begins with, the folder `name`."""
    enough = len(parts) == len(name) if whole else len(parts) >= len(name)
    return enough and all(fnmatchcase(one, part) for one, part in zip(name, parts, strict=False))


def _broad_extension(extension: str) -> bool:
    text = extension.strip().lower().lstrip("*").lstrip(".")
    return text in _RUNS or not text or "*" in text or "?" in text


def _broad_process(process: str) -> bool:
    text = _plain(process)
    drive, colon, rest = text.partition(":")
    name = text.rpartition("/")[2]
    below = colon and len(drive) <= 1 and _broad_folder(rest.strip("/"))
    return bool(below) or name in ("", "*", "*.*", "*.exe") or name in _INTERPRETERS
