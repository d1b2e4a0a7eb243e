"""What the sections of a Windows probe may call; `hardencheck.probes.powershell` reads what these functions print."""

from __future__ import annotations

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
#:   Get-HcInstances CLASS        all instances of a class, kept for later sections (a failure is not); -Namespace is
#:                                root/cimv2 unless told otherwise, and -Seconds (20) how long it may take
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
function Get-HcInstances([string]$Class, [string]$Namespace = 'root/cimv2', [int]$Seconds = 20) {
  $kept = $global:HcInstances
  $all = "$Namespace/$Class"
  if (-not $kept.ContainsKey($all)) {
    $kept[$all] = @(Get-CimInstance -Namespace $Namespace -ClassName $Class -OperationTimeoutSec $Seconds)
  }
  $kept[$all]
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
