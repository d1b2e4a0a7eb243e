r"""What the sections of a Windows probe may call, and what reads them: one line of ASCII JSON per item.

    {"i": NAME, "ok": true, "v": VALUE}
    {"i": NAME, "ok": false, "t": EXCEPTION TYPE, "h": HRESULT, "q": ERROR ID, "c": CATEGORY, "e": MESSAGE}
    {"i": "@end"}                                       the last one: the section ran to its end

`ConvertTo-Json` of Windows PowerShell 5.1 has shapes of its own (a list of one is an object, some lists come as
`{"value": [...], "Count": n}`, enumerations are numbers, texts of other languages are not ASCII). `LIST` and `ITEM`
avoid them on the host; the functions here accept them all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture

#: Functions for sections, in Windows PowerShell 5.1. Everything that is written is ASCII.
#:   Item NAME { ... }            one value: a number, a text, a truth or a hashtable; nothing at all is null
#:   List NAME { ... }            a list of values, also when it holds one or none
#:   Registry NAME PATH NAMES     values of a key below HKLM, in the 64-bit view (NAMES may be '*'; 'SUBKEYS' lists the
#:                                names of its keys, 'NAMES' those of its values and reads none of them); -Hive Users
#:                                reads below HKU; -Below NAME lists the texts that its keys have under this name;
#:                                -Without PATTERN leaves out the texts in which it is found, and counts them
#:   SecurityPolicy NAME SECTIONS the lines of these sections of `secedit /export`
#:   AuditPolicy NAME             the lines of `auditpol /backup`: subcategories by GUID with their numeric setting
#:   Get-HcTime DATE              a date as ISO 8601 in UTC, or null
#:   Get-HcMembers SID            the members of a local group: {fault, count, members: [{sid, path, class, fault}]}, at
#:                                most 200; a fault of the list says why there may be more, one of a member why it lacks
#:                                its SID; `path` is WinNT://DOMAIN/NAME, or WinNT://SID where nobody knows the name
#:   Get-HcInstances CLASS        all instances of a class of root/cimv2, kept for later sections; a failure is not kept
PRELUDE = r"""
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$HcExports = @{}
$HcInstances = @{}
$HcSources = $null
function ConvertTo-HcText($Value) {
  $json = ConvertTo-Json -InputObject $Value -Depth 6 -Compress
  $others = @{}
  foreach ($found in [regex]::Matches($json, '[^\x20-\x7e]')) { $others[[int][char]$found.Value] = $true }
  foreach ($code in @($others.Keys)) { $json = $json.Replace([string][char]$code, ('\u{0:x4}' -f $code)) }
  $json
}
function Get-HcFailure([string]$Name, $Failure) {
  $cause = $Failure.Exception.GetBaseException()
  ConvertTo-HcText @{
    i = $Name; ok = $false; t = $cause.GetType().FullName; h = $cause.HResult
    q = [string]$Failure.FullyQualifiedErrorId; c = [string]$Failure.CategoryInfo.Category; e = [string]$cause.Message
  }
}
function Item([string]$Name, [scriptblock]$Body) {
  try {
    $value = & $Body
    if ($null -eq $value) { $value = $null }
    ConvertTo-HcText @{ i = $Name; ok = $true; v = $value }
  } catch { Get-HcFailure $Name $_ }
}
function List([string]$Name, [scriptblock]$Body) {
  try {
    $values = [object[]]@(& $Body)
    ConvertTo-HcText @{ i = $Name; ok = $true; v = $values }
  } catch { Get-HcFailure $Name $_ }
}
function Get-HcTime($Date) {
  if ($Date -isnot [datetime]) { return $null }
  $Date.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ', [Globalization.CultureInfo]::InvariantCulture)
}
function Get-HcMembers([string]$Sid) {
  # by ADSI: Get-LocalGroupMember fails as a whole where one member has no name, WMI leaves such a member out
  $known = New-Object Security.Principal.SecurityIdentifier $Sid
  $name = ([string]$known.Translate([Security.Principal.NTAccount])).Split('\')[-1]
  $group = [adsi]"WinNT://./$name,group"
  $fault = $null
  $members = New-Object Collections.ArrayList
  try {
    foreach ($member in $group.psbase.Invoke('Members')) {
      $about = @{ sid = $null; path = $null; class = $null; fault = $null }
      [void]$members.Add($about)
      try {
        $about['path'] = [string]$member.GetType().InvokeMember('ADsPath', 'GetProperty', $null, $member, $null)
        $about['class'] = [string]$member.GetType().InvokeMember('Class', 'GetProperty', $null, $member, $null)
        $bytes = [byte[]]$member.GetType().InvokeMember('objectSid', 'GetProperty', $null, $member, $null)
        $about['sid'] = [string](New-Object Security.Principal.SecurityIdentifier -ArgumentList $bytes, 0)
      } catch { $about['fault'] = [string]$_.Exception.GetBaseException().GetType().FullName }
    }
  } catch { $fault = [string]$_.Exception.GetBaseException().GetType().FullName }
  $shown = @($members | Sort-Object { $_.path } | Select-Object -First 200)
  @{ fault = $fault; count = $members.Count; members = [object[]]$shown }
}
function Get-HcInstances([string]$Class) {
  $kept = $global:HcInstances
  if (-not $kept.ContainsKey($Class)) { $kept[$Class] = @(Get-CimInstance -ClassName $Class -OperationTimeoutSec 45) }
  $kept[$Class]
}
function Get-HcSource([string]$Path, [string]$Name) {
  if ($null -eq $global:HcSources) {
    $global:HcSources = @{}
    try {
      $settings = Get-CimInstance -Namespace 'root/rsop/computer' -ClassName 'RSOP_RegistryPolicySetting' `
        -Filter 'precedence = 1' -Property registryKey, valueName, GPOID -OperationTimeoutSec 10
      foreach ($setting in $settings) {
        $global:HcSources["$($setting.registryKey)\$($setting.valueName)".ToLowerInvariant()] = [string]$setting.GPOID
      }
    } catch {
      # absent is an answer: policies only name who wrote a value
      $global:HcSources['unknown'] = $true
    }
  }
  $global:HcSources["$Path\$Name".ToLowerInvariant()]
}
function Get-HcValue($Key, [string]$Path, [string]$Name) {
  $value = $Key.GetValue($Name, $null, 'DoNotExpandEnvironmentNames')
  if ($value -is [byte[]]) { $value = [BitConverter]::ToString($value) }
  if ($value -is [string[]]) { $value = [object[]]$value }
  $about = @{ k = [string]$Key.GetValueKind($Name); v = $value }
  $source = Get-HcSource $Path $Name
  if ($source) { $about['s'] = $source }
  $about
}
function Registry([string]$Name, [string]$Path, [string[]]$Names, [string]$Hive = 'LocalMachine', [string]$Below = '', `
    [string]$Without = '') {
  Item $Name {
    $view = [Microsoft.Win32.RegistryView]::Registry64
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey([Microsoft.Win32.RegistryHive]$Hive, $view)
    $key = $base.OpenSubKey($Path)
    if ($null -eq $key) { return @{ path = $Path; exists = $false } }
    $values = @{}
    $left = 0
    foreach ($there in $key.GetValueNames()) {
      if (($Names -contains '*') -or ($Names -contains $there)) {
        if ($Without) {
          $data = $key.GetValue($there)
          if (($data -is [string]) -and [regex]::IsMatch($data, $Without, 'IgnoreCase, CultureInvariant')) {
            $left++
            continue
          }
        }
        $label = $there
        if ($label -eq '') { $label = '(default)' }
        $values[$label] = Get-HcValue $key $Path $there
      }
    }
    $read = @{ path = $Path; exists = $true; values = $values }
    if ($Names -contains 'SUBKEYS') { $read['keys'] = [object[]]@($key.GetSubKeyNames()) }
    if ($Names -contains 'NAMES') { $read['names'] = [object[]]@($key.GetValueNames()) }
    if ($Without) { $read['left'] = $left }
    if ($Below) {
      $texts = foreach ($inner in $key.GetSubKeyNames()) {
        $subkey = $key.OpenSubKey($inner)
        if ($null -ne $subkey) {
          $text = $subkey.GetValue($Below)
          if ($text -is [string]) { $text }
          $subkey.Close()
        }
      }
      $read['texts'] = [object[]]@($texts | Sort-Object -Unique)
    }
    $key.Close()
    $read
  }
}
function Get-HcExport([string]$Tool) {
  # the only files that are written: secedit and auditpol can export to nothing else, and secedit logs what it does
  if ($global:HcExports.ContainsKey($Tool)) { return $global:HcExports[$Tool] }
  $ErrorActionPreference = 'Continue'
  $folder = 'System32'
  if ($env:PROCESSOR_ARCHITEW6432) { $folder = 'Sysnative' }
  $program = "$env:SystemRoot\$folder\$Tool.exe"
  $path = [IO.Path]::GetTempPath() + 'hardencheck-' + [guid]::NewGuid().ToString('N') + '.tmp'
  $log = $path + '.log'
  $text = $null
  try {
    if ($Tool -eq 'secedit') {
      & $program /export /cfg $path /areas SECURITYPOLICY USER_RIGHTS /log $log /quiet | Out-Null
    } else {
      & $program /backup "/file:$path" | Out-Null
    }
    $status = $LASTEXITCODE
    if ([IO.File]::Exists($path)) { $text = [IO.File]::ReadAllText($path) }
  } finally {
    if ([IO.File]::Exists($log)) { [IO.File]::Delete($log) }
    if ([IO.File]::Exists($path)) { [IO.File]::Delete($path) }
  }
  $global:HcExports[$Tool] = @{ status = $status; text = $text }
  $global:HcExports[$Tool]
}
function SecurityPolicy([string]$Name, [string[]]$Sections) {
  Item $Name {
    $export = Get-HcExport 'secedit'
    $wanted = $false
    $lines = foreach ($line in ([string]$export.text -split "\r?\n")) {
      if ($line -match '^\[(.+)\]$') { $wanted = $Sections -contains $Matches[1] }
      if ($wanted) { $line }
    }
    @{ status = $export.status; lines = [object[]]@($lines) }
  }
}
function AuditPolicy([string]$Name) {
  Item $Name {
    $export = Get-HcExport 'auditpol'
    @{ status = $export.status; lines = [object[]]@([string]$export.text -split "\r?\n") }
  }
}
"""

#: The last command of every section: a script that stopped before its end has no such item, and is not read.
END_OF_SECTION = '\'{"i":"@end"}\''

#: CIM's own code is in the error's identifier: as exceptions, all of its errors have the same HRESULT
_HRESULT = re.compile(r"HRESULT 0x([0-9a-fA-F]{8})(?:,|\Z)")

_REFUSED = frozenset({"System.UnauthorizedAccessException", "System.Security.SecurityException"})


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a section: its value, or the failure that stands in its place.

    `error` is the exception's type ("" when there is none), `code` its HRESULT or CIM's, as an unsigned number.
    """

    name: str
    value: Any = None
    error: str = ""
    code: int = 0
    category: str = ""

    @property
    def ok(self) -> bool:
        """Whether the host could answer."""
        return not self.error

    @property
    def trouble(self) -> str:
        """Say why there is no value, in words that depend on no language of the host."""
        if self.error in _REFUSED or self.category == "PermissionDenied":
            return f"{self.name}: the host refused access"
        return f"{self.name}: {self.error.rpartition('.')[2]} 0x{self.code:08x}"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a registry key: `data` is an unsigned number, a text or a list of texts.

    `kind` is one of DWord, QWord, String, ExpandString, MultiString, Binary, None. `policy` names the group policy
    that set it ("" when none is known): a GPO's distinguished name, or LocalGPO.
    """

    kind: str
    data: int | str | tuple[str, ...] | None
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """One registry key below HKLM (or HKU): whether it exists, its values by lower-case name, and its keys' names.

    `names` holds the names of all its values, `texts` what its keys say under one name; both only when asked for.
    `left_out` is how many values the host was told not to send, by what they hold.
    """

    path: str
    exists: bool
    values: Mapping[str, Value] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None
    left_out: int = 0

    def get(self, name: str) -> Value | None:
        """Return a value by name, whatever its case; None when the key or the value is absent."""
        return self.values.get(name.lower())


@dataclass(frozen=True, slots=True)
class Section:
    """The items of one section by name."""

    items: Mapping[str, Item]

    def item(self, name: str) -> Item:
        """Return an item; raises CaptureUnreadable when the section lacks it."""
        try:
            return self.items[name]
        except KeyError:
            raise CaptureUnreadable(f"the section has no item {name!r}") from None

    def key(self, name: str) -> Key | Item:
        """Return an item's registry key, or the item that says why not; raises CaptureUnreadable when it holds none."""
        item = self.item(name)
        return _key(item) if item.ok else item


def read(capture: Capture) -> Section:
    """Split a section into its items; raises CaptureUnreadable when it is not what the functions above write."""
    items: dict[str, Item] = {}
    lines = capture.stdout.decode("ascii", "replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines or _line(lines.pop()) != {"i": "@end"}:
        said = capture.stderr.decode("ascii", "replace")[:300]
        raise CaptureUnreadable(f"the script did not run to its end{f' ({said})' if said else ''}")
    for line in lines:
        item = _item(_line(line))
        if item.name in items:
            raise CaptureUnreadable(f"the section has two items {item.name!r}")
        items[item.name] = item
    return Section(items)


def as_list(value: Any) -> list[Any]:
    """Return a list in any of the shapes that ConvertTo-Json gives it; null is an empty one."""
    if isinstance(value, dict) and set(value) == {"value", "Count"}:
        value = value["value"]
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def as_bool(value: Any) -> bool | None:
    """Return a truth that may come as true, 1 or "True"; None for anything else, 2 (not configured) among it."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return bool(value) if isinstance(value, bool) or value in (0, 1) else None


def as_int(value: Any) -> int | None:
    """Return a whole number that may come as a text of ASCII digits; None for anything else, truths among it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20 else None


def as_text(value: Any) -> str | None:
    """Return a text; None for anything else."""
    return value if isinstance(value, str) else None


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise CaptureUnreadable("a line of the section is not JSON") from None


def _item(body: Any) -> Item:
    if not isinstance(body, dict) or not isinstance(body.get("i"), str) or not isinstance(body.get("ok"), bool):
        raise CaptureUnreadable("a line of the section is no item")
    if body["ok"]:
        return Item(body["i"], body.get("v"))
    told = _HRESULT.match(str(body.get("q", "")))
    code = int(told[1], 16) if told else as_int(body.get("h")) or 0
    return Item(body["i"], None, str(body.get("t") or "an error"), code & 0xFFFFFFFF, str(body.get("c", "")))


def _key(item: Item) -> Key:
    body = item.value
    if not isinstance(body, dict) or not isinstance(body.get("exists"), bool) or not isinstance(body.get("path"), str):
        raise CaptureUnreadable(f"the item {item.name!r} is no registry key")
    if not body["exists"]:
        return Key(body["path"], exists=False)
    values = body.get("values")
    if not isinstance(values, dict) or not all(isinstance(about, dict) for about in values.values()):
        raise CaptureUnreadable(f"the item {item.name!r} has no values")
    return Key(
        body["path"],
        True,
        {name.lower(): _value(about) for name, about in values.items()},
        tuple(str(name) for name in as_list(body.get("keys"))),
        _texts(body, "names"),
        _texts(body, "texts"),
        as_int(body.get("left")) or 0,
    )


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    return tuple(str(text) for text in as_list(body[name])) if name in body else None


def _value(body: Mapping[str, Any]) -> Value:
    kind, data, policy = str(body.get("k", "")), body.get("v"), str(body.get("s") or "")
    if kind == "MultiString":
        return Value(kind, tuple(str(text) for text in as_list(data)), policy)
    if kind in ("DWord", "QWord"):
        number = as_int(data)
        return Value(kind, None if number is None else number & (2 ** (32 if kind == "DWord" else 64) - 1), policy)
    return Value(kind, as_text(data), policy)
