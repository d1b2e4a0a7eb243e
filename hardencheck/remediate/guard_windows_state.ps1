# What the guard of a run can see of a Windows host: one thing for each registry key and value, service and policy that
# is touched, with a text that says all of it, in the same words before the run, after it, and when it is undone.
$ErrorActionPreference = 'Stop'
# commands of Defender, firewall, SMB and tasks are functions of modules, which see nobody else's
$global:ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$HcBase = [IO.Path]::Combine([Environment]::GetFolderPath('CommonApplicationData'), 'hardencheck')
$HcFolder = "$HcBase\$HcRun"
$HcTask = "hardencheck-revert-$HcRun"
# more than any playbook touches; a host answers with a line for each
$HcMostThings = 2000

function Get-HcSha([string]$Text) {
  $sha = [Security.Cryptography.SHA256]::Create()
  $bytes = $sha.ComputeHash([Text.Encoding]::UTF8.GetBytes($Text))
  $sha.Dispose()
  ([BitConverter]::ToString($bytes) -replace '-', '').ToLowerInvariant()
}
function Get-HcHive { [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64') }
function ConvertTo-HcBase64([string]$Text) { [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($Text)) }
function ConvertFrom-HcBase64([string]$Text) { [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($Text)) }
function ConvertTo-HcName([string]$Text) {
  # one line of ASCII, another one for each name
  $made = New-Object Text.StringBuilder
  foreach ($sign in $Text.ToCharArray()) {
    $code = [int]$sign
    if ($code -lt 32 -or $code -gt 126 -or '%[]'.IndexOf([string]$sign, [StringComparison]::Ordinal) -ge 0) {
      [void]$made.Append('%' + $code.ToString('x4'))
    } else {
      [void]$made.Append($sign)
    }
  }
  [string]$made
}
function ConvertFrom-HcName([string]$Text) {
  $made = New-Object Text.StringBuilder
  for ($at = 0; $at -lt $Text.Length; $at++) {
    if ($Text.Substring($at, 1) -eq '%') {
      [void]$made.Append([char][Convert]::ToInt32($Text.Substring($at + 1, 4), 16))
      $at += 4
    } else {
      [void]$made.Append($Text.Substring($at, 1))
    }
  }
  [string]$made
}
function Invoke-HcProgram([string]$Name, [string[]]$Words) {
  # what a program says is in the host's language: only its status counts
  $ErrorActionPreference = 'Continue'
  & "$([Environment]::SystemDirectory)\$Name.exe" $Words | Out-Null
  if ($LASTEXITCODE -ne 0) { throw "$Name ended with status $LASTEXITCODE" }
}

function Add-HcThing($Things, [string]$Noun, [string]$Name, [string]$State, [string]$Text) {
  $Things["$Noun $Name"] = @{ noun = $Noun; name = $Name; state = $State; text = $Text }
}
function Get-HcData($Key, [string]$Name) {
  $kind = [string]$Key.GetValueKind($Name)
  $data = $Key.GetValue($Name, $null, 'DoNotExpandEnvironmentNames')
  $text = ''
  switch ($kind) {
    'DWord' { $text = [string]$data }
    'QWord' { $text = [string]$data }
    'MultiString' {
      $parts = [string[]]@(foreach ($part in [string[]]$data) { '.' + (ConvertTo-HcBase64 $part) })
      $text = [string]::Join(',', $parts)
    }
    'Binary' { $text = [Convert]::ToBase64String([byte[]]$data) }
    'None' { $text = [Convert]::ToBase64String([byte[]]$data) }
    'Unknown' { $text = '' }
    default { $text = ConvertTo-HcBase64 ([string]$data) }
  }
  "${kind}:$text"
}
function Add-HcKey($Things, [string]$Name) {
  $hive = Get-HcHive
  $path = $Name.Substring('HKLM:\'.Length)
  $key = $hive.OpenSubKey($path)
  if ($null -ne $key) {
    foreach ($value in $key.GetValueNames()) {
      # Windows writes this one anew at each start
      if ($value -ne 'LsaPid') {
        Add-HcThing $Things 'value' "$Name [$(ConvertTo-HcName $value)]" 'present' (Get-HcData $key $value)
      }
    }
    $key.Dispose()
  }
  # and the keys above, which the run would make with it
  while ($path.Contains('\')) {
    $state = 'absent'
    $key = $hive.OpenSubKey($path)
    if ($null -ne $key) {
      $state = 'present'
      $key.Dispose()
    }
    Add-HcThing $Things 'key' "HKLM:\$path" $state $state
    $path = $path.Substring(0, $path.LastIndexOf('\', [StringComparison]::Ordinal))
  }
}
function Add-HcService($Things, [string]$Name) {
  $key = (Get-HcHive).OpenSubKey("SYSTEM\CurrentControlSet\Services\$Name")
  if ($null -eq $key) {
    Add-HcThing $Things 'service' $Name 'absent' 'absent'
    return
  }
  $start = [int]$key.GetValue('Start', -1)
  $mode = 'other'
  if ($start -eq 2) { $mode = 'auto' }
  if ($start -eq 2 -and [int]$key.GetValue('DelayedAutostart', 0) -eq 1) { $mode = 'delayed' }
  if ($start -eq 3) { $mode = 'manual' }
  if ($start -eq 4) { $mode = 'disabled' }
  $key.Dispose()
  # one that is started on demand comes and goes by itself
  if ($mode -ne 'manual') {
    $runs = 'stopped'
    if ([string](Get-Service -Name $Name).Status -eq 'Running') { $runs = 'running' }
    $mode = "$mode,$runs"
  }
  Add-HcThing $Things 'service' $Name $mode $mode
}

function Get-HcSecurity {
  # what secedit knows by its own names, which no language changes
  $found = @{}
  $path = "$HcBase\security.$([guid]::NewGuid().ToString('N'))"
  try {
    $areas = 'SECURITYPOLICY', 'USER_RIGHTS'
    Invoke-HcProgram 'secedit' (@('/export', '/cfg', $path, '/areas') + $areas + @('/log', "$path.log", '/quiet'))
    foreach ($line in ([IO.File]::ReadAllText($path) -split '\r?\n')) {
      if ($line -match '^(\w+)\s*=\s*(.*?)\s*$') {
        $value = $Matches[2]
        $name = $Matches[1]
        if ($name -clike 'Se*') {
          # in one order, whatever the culture of the account that looks
          $holders = [string[]]@($value -split '\s*,\s*' | Where-Object { $_ })
          [Array]::Sort($holders, [StringComparer]::Ordinal)
          $value = [string]::Join(',', $holders)
        }
        $found[$name] = $value
      }
    }
  } finally {
    [IO.File]::Delete($path)
    [IO.File]::Delete("$path.log")
  }
  $found
}
function Add-HcSecurity($Things, [string[]]$Names) {
  $found = Get-HcSecurity
  foreach ($name in $Names) {
    if ($found.ContainsKey($name)) {
      Add-HcThing $Things 'policy' $name 'present' "=$($found[$name])"
    } else {
      Add-HcThing $Things 'policy' $name 'absent' 'absent'
    }
  }
}
function Add-HcAudit($Things, [string]$Name) {
  $path = "$HcBase\audit.$([guid]::NewGuid().ToString('N'))"
  try {
    Invoke-HcProgram 'auditpol' '/backup', "/file:$path"
    foreach ($line in ([IO.File]::ReadAllText($path) -split '\r?\n')) {
      # rows of single people have a SID in the second field
      if ($line -match '^[^,]*,(?!\{?S-1-)[^,]*,.*(\{0cce92[0-9a-f]{2}-[0-9a-f-]+\}),.*,([0-9]+)\s*$') {
        $part = ([string]$Matches[1]).ToLowerInvariant()
        Add-HcThing $Things 'policy' "$Name [$part]" 'present' ([string]([int]$Matches[2] % 4))
      }
    }
  } finally {
    [IO.File]::Delete($path)
  }
}
function Add-HcPreferences($Things, [string[]]$Names) {
  $found = Get-MpPreference
  foreach ($name in $Names) {
    $value = $null
    $property = $found.PSObject.Properties[$name]
    if ($null -ne $property) { $value = $property.Value }
    if ($null -eq $value) {
      Add-HcThing $Things 'policy' $name 'absent' 'absent'
    } elseif ($value -is [bool]) {
      Add-HcThing $Things 'policy' $name 'present' "bool:$value"
    } else {
      Add-HcThing $Things 'policy' $name 'present' "int:$([int]$value)"
    }
  }
}
function Add-HcSurface($Things, [string]$Name) {
  $found = Get-MpPreference
  $ids = [object[]]@($found.AttackSurfaceReductionRules_Ids)
  $actions = [object[]]@($found.AttackSurfaceReductionRules_Actions)
  Add-HcThing $Things 'policy' $Name 'present' 'present'
  for ($at = 0; $at -lt $ids.Length; $at++) {
    if ("$($ids[$at])" -match '^[0-9A-Fa-f-]{36}$') {
      $rule = ([string]$ids[$at]).ToLowerInvariant()
      Add-HcThing $Things 'policy' "$Name [$rule]" 'present' ([string][int]$actions[$at])
    }
  }
}
function Add-HcFirewall($Things, [string]$Name) {
  $profiles = @(Get-NetFirewallProfile -PolicyStore PersistentStore)
  if ($profiles.Length -ne 3) { throw 'the profiles of the firewall cannot be seen' }
  foreach ($one in $profiles) {
    $without = [string[]]@($one.DisabledInterfaceAliases | Where-Object { $_ -and "$_" -ne 'NotConfigured' } |
      ForEach-Object { '.' + (ConvertTo-HcBase64 $_) })
    $parts = [string[]]@(
      $one.Enabled, $one.DefaultInboundAction, $one.LogBlocked, $one.LogAllowed, $one.LogMaxSizeKilobytes
      [string]::Join(',', $without)
    )
    Add-HcThing $Things 'policy' "$Name [$($one.Name)]" 'present' ([string]::Join(' ', $parts))
  }
  $rule = $null
  try {
    $rule = Get-NetFirewallRule -Name 'hardencheck-winrm'
  } catch {
    if ([string]$_.CategoryInfo.Category -ne 'ObjectNotFound') { throw }
  }
  if ($null -eq $rule) {
    Add-HcThing $Things 'policy' "$Name [hardencheck-winrm]" 'absent' 'absent'
    return
  }
  $ports = [string[]]@(($rule | Get-NetFirewallPortFilter).LocalPort)
  $peers = [string[]]@(($rule | Get-NetFirewallAddressFilter).RemoteAddress)
  $text = "$($rule.Enabled) $([string]::Join(',', $ports)) $([string]::Join(',', $peers))"
  Add-HcThing $Things 'policy' "$Name [hardencheck-winrm]" 'present' $text
}
function Add-HcLog($Things, [string]$Name) {
  $log = Get-WinEvent -ListLog ($Name.Substring('event log '.Length))
  $text = "$([long]$log.MaximumSizeInBytes) $($log.LogMode) $($log.IsEnabled)"
  Add-HcThing $Things 'policy' $Name 'present' $text
}
function Add-HcSigning($Things, [string]$Name) {
  # where nothing can be shared, there is no server to ask
  $server = 'off'
  if ([string](Get-Service -Name LanmanServer).StartType -ne 'Disabled') {
    $server = [string](Get-SmbServerConfiguration).RequireSecuritySignature
  }
  Add-HcThing $Things 'policy' "$Name [server]" 'present' $server
  $client = [string](Get-SmbClientConfiguration).RequireSecuritySignature
  Add-HcThing $Things 'policy' "$Name [client]" 'present' $client
}

function Get-HcThings([string[]]$Touched) {
  # all that is touched, as it is now
  $things = [ordered]@{}
  $named = New-Object Collections.ArrayList
  $preferred = New-Object Collections.ArrayList
  foreach ($line in $Touched) {
    if ($line -match '^([a-z]+) (.+)$') {
      $kind = $Matches[1]
      $name = $Matches[2]
      switch ($kind) {
        'registry' { Add-HcKey $things $name }
        'service' { Add-HcService $things $name }
        'security' { [void]$named.Add($name) }
        'preference' { [void]$preferred.Add($name) }
        'surface' { Add-HcSurface $things $name }
        'audit' { Add-HcAudit $things $name }
        'firewall' { Add-HcFirewall $things $name }
        'log' { Add-HcLog $things $name }
        'signing' { Add-HcSigning $things $name }
        default { throw "nobody knows how to keep $line" }
      }
    }
  }
  if ($named.Count -gt 0) { Add-HcSecurity $things ([string[]]$named) }
  if ($preferred.Count -gt 0) { Add-HcPreferences $things ([string[]]$preferred) }
  if (@($things.Keys).Count -gt $HcMostThings) { throw "more than $HcMostThings things are touched" }
  $things
}
