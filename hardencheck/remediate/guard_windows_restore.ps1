# Puts back what a run has changed. What the run left is known unless the host does it by itself: what somebody has
# changed since is told apart then, and left alone unless it is forced.

function Get-HcVerdict([string]$Before, [string]$After, [string]$Now, [bool]$Force) {
  # digests; an empty $After is not known
  if ($Now -ceq $Before) { return 'same' }
  if ($After -eq '') { return 'restore' }
  if ($After -ceq $Before) { return 'same' } # the run did not change it: another one did, later
  if ($Now -ceq $After -or $Force) { return 'restore' }
  'left'
}

function ConvertFrom-HcParts([string]$Text) {
  # each has a dot in front, so that an empty one is seen
  foreach ($part in ($Text -split ',')) { if ($part -ne '') { ConvertFrom-HcBase64 ($part.Substring(1)) } }
}
function Restore-HcValue([string]$Name, [string]$Text) {
  if ($Name -notmatch '^HKLM:\\(.+) \[([^\[\]]*)\]$') { throw 'not a value' }
  $path = $Matches[1]
  $value = ConvertFrom-HcName $Matches[2]
  if ($Text -eq 'absent') {
    $key = (Get-HcHive).OpenSubKey($path, $true)
    if ($null -ne $key) {
      $key.DeleteValue($value, $false)
      $key.Dispose()
    }
    return
  }
  $kind = $Text.Substring(0, $Text.IndexOf(':', [StringComparison]::Ordinal))
  $data = $Text.Substring($kind.Length + 1)
  $key = (Get-HcHive).CreateSubKey($path)
  switch ($kind) {
    'DWord' { $key.SetValue($value, [int]$data, $kind) }
    'QWord' { $key.SetValue($value, [long]$data, $kind) }
    'MultiString' {
      $parts = [string[]]@(ConvertFrom-HcParts $data)
      $key.SetValue($value, $parts, $kind)
    }
    'Binary' { $key.SetValue($value, [Convert]::FromBase64String($data), $kind) }
    'None' { $key.SetValue($value, [Convert]::FromBase64String($data), $kind) }
    'Unknown' { throw 'a value of a kind that cannot be written' }
    default { $key.SetValue($value, (ConvertFrom-HcBase64 $data), $kind) }
  }
  $key.Dispose()
}
function Restore-HcKey([string]$Name, [string]$Text) {
  $hive = Get-HcHive
  $path = $Name.Substring('HKLM:\'.Length)
  if ($Text -ne 'absent') {
    $hive.CreateSubKey($path).Dispose()
    return
  }
  $key = $hive.OpenSubKey($path)
  if ($null -eq $key) { return }
  $empty = $key.ValueCount -eq 0 -and $key.SubKeyCount -eq 0
  $key.Dispose()
  if ($empty) { $hive.DeleteSubKey($path, $false) }
}
function Restore-HcService([string]$Name, [string]$Text) {
  if ($Text -eq 'absent') { return }
  $mode = ($Text -split ',')[0]
  $words = @{ auto = 'auto'; delayed = 'delayed-auto'; manual = 'demand'; disabled = 'disabled' }
  $now = @{}
  Add-HcService $now $Name
  # of some services not even administrators may set how they start
  if ($words.ContainsKey($mode) -and ($now["service $Name"]['text'] -split ',')[0] -ne $mode) {
    Invoke-HcProgram 'sc' 'config', $Name, 'start=', $words[$mode]
  }
  if ($Text -like '*,running') { Start-Service -Name $Name }
  # also those that need it: the run has started it, and they came after it
  if ($Text -like '*,stopped') { Stop-Service -Name $Name -Force }
}
function Restore-HcSecurity($Before) {
  # $Before maps names to texts; all at once, because the lockout's numbers only make sense together
  $policies = New-Object Collections.ArrayList
  $rights = New-Object Collections.ArrayList
  foreach ($name in $Before.Keys) {
    $text = [string]$Before[$name]
    if ($name -clike 'Se*') {
      # a right that nobody had is given to nobody
      [void]$rights.Add("$name = $($text -replace '^(=|absent$)', '')")
    } elseif ($text -ne 'absent') {
      # what is absent goes with what it belongs to: nothing is locked, so that there is no time of a lock
      [void]$policies.Add("$name = $($text.Substring(1))")
    }
  }
  $lines = @('[Unicode]', 'Unicode=yes', '[System Access]') + [object[]]$policies
  $lines = $lines + @('[Privilege Rights]') + [object[]]$rights
  $lines = $lines + @('[Version]', 'signature="$CHICAGO$"', 'Revision=1', '')
  $path = "$HcBase\security.$([guid]::NewGuid().ToString('N'))"
  try {
    [IO.File]::WriteAllText("${path}.inf", [string]::Join("`r`n", [string[]]$lines), [Text.Encoding]::Unicode)
    $words = '/configure', '/db', "${path}.sdb", '/cfg', "${path}.inf", '/areas', 'SECURITYPOLICY', 'USER_RIGHTS'
    Invoke-HcProgram 'secedit' ($words + @('/log', "$path.log", '/quiet'))
  } finally {
    foreach ($end in 'inf', 'sdb', 'log', 'jfm') { [IO.File]::Delete("$path.$end") }
  }
}
function Restore-HcAudit([string]$Name, [string]$Text) {
  if ($Text -eq 'absent' -or $Name -notmatch '\[(\{[0-9a-f-]{36}\})\]$') { throw 'not a subcategory' }
  $guid = $Matches[1]
  $success = 'disable'
  $failure = 'disable'
  if ([int]$Text -band 1) { $success = 'enable' }
  if ([int]$Text -band 2) { $failure = 'enable' }
  Invoke-HcProgram 'auditpol' '/set', "/subcategory:$guid", "/success:$success", "/failure:$failure"
}
function Restore-HcPreference([string]$Name, [string]$Text) {
  if ($Text -eq 'absent') { throw 'Microsoft Defender Antivirus did not know it' }
  $value = ($Text -split ':')[1]
  $on = $value -eq 'True'
  $change = @{}
  if ($Text -like 'bool:*') { $change[$Name] = $on } else { $change[$Name] = [int]$value }
  Set-MpPreference @change
}
function Restore-HcSurface([string]$Name, [string]$Text) {
  if ($Name -notmatch '\[([0-9a-f-]{36})\]$') { return }
  $rule = $Matches[1]
  $actions = @{ '0' = 'Disabled'; '1' = 'Enabled'; '2' = 'AuditMode'; '5' = 'NotConfigured'; '6' = 'Warn' }
  if ($Text -eq 'absent') {
    Remove-MpPreference -AttackSurfaceReductionRules_Ids $rule
  } else {
    Add-MpPreference -AttackSurfaceReductionRules_Ids $rule -AttackSurfaceReductionRules_Actions $actions[$Text]
  }
}
function Assert-HcOpen {
  # while a profile is not as open as it was, the rule may be the only way in
  $now = [ordered]@{}
  Add-HcFirewall $now 'firewall'
  $was = Read-HcKept ([IO.File]::ReadAllText("$HcFolder\salt"))
  foreach ($label in 'policy firewall [Domain]', 'policy firewall [Private]', 'policy firewall [Public]') {
    # whether it is on, what it does with what nobody allows, and on which interfaces
    $old = ([string]$was[$label]['text'] -split ' ')[0, 1, 5] -join ' '
    if ((([string]$now[$label]['text'] -split ' ')[0, 1, 5] -join ' ') -cne $old) {
      throw 'a profile is not as before: the rule may be the only way in'
    }
  }
}
function Restore-HcFirewall([string]$Name, [string]$Text) {
  if ($Name -notmatch '\[([A-Za-z-]+)\]$') { throw 'not a profile' }
  $one = $Matches[1]
  $parts = $Text -split ' '
  if ($one -eq 'hardencheck-winrm') {
    Assert-HcOpen
    if ($Text -eq 'absent') {
      Remove-NetFirewallRule -Name $one
    } else {
      $ports = $parts[1] -split ','
      Set-NetFirewallRule -Name $one -Enabled $parts[0] -LocalPort $ports -RemoteAddress ($parts[2] -split ',')
    }
    return
  }
  $now = Get-NetFirewallProfile -Name $one -PolicyStore PersistentStore
  if ([string]$now.Enabled -ne $parts[0]) { Set-NetFirewallProfile -Name $one -Enabled $parts[0] }
  if ([string]$now.DefaultInboundAction -ne $parts[1]) {
    Set-NetFirewallProfile -Name $one -DefaultInboundAction $parts[1]
  }
  if ([string]$now.LogBlocked -ne $parts[2]) { Set-NetFirewallProfile -Name $one -LogBlocked $parts[2] }
  if ([string]$now.LogAllowed -ne $parts[3]) { Set-NetFirewallProfile -Name $one -LogAllowed $parts[3] }
  if ([string]$now.LogMaxSizeKilobytes -ne $parts[4]) {
    Set-NetFirewallProfile -Name $one -LogMaxSizeKilobytes ([uint64]$parts[4])
  }
  $without = [string[]]@(ConvertFrom-HcParts $parts[5])
  if ($without.Length -eq 0) { $without = [string[]]@('NotConfigured') }
  Set-NetFirewallProfile -Name $one -DisabledInterfaceAliases $without
}
function Restore-HcLog([string]$Name, [string]$Text) {
  $log = $Name.Substring('event log '.Length)
  $now = Get-WinEvent -ListLog $log
  $parts = $Text -split ' '
  $retains = @{ Circular = 'false'; Retain = 'true'; AutoBackup = 'true' }
  $archives = @{ Circular = 'false'; Retain = 'false'; AutoBackup = 'true' }
  if ([string]$now.IsEnabled -ne $parts[2]) {
    Invoke-HcProgram 'wevtutil' 'sl', $log, "/e:$($parts[2].ToLowerInvariant())"
  }
  if ([string]$now.LogMode -ne $parts[1]) {
    Invoke-HcProgram 'wevtutil' 'sl', $log, "/rt:$($retains[$parts[1]])", "/ab:$($archives[$parts[1]])"
  }
  if ([string][long]$now.MaximumSizeInBytes -ne $parts[0]) {
    Invoke-HcProgram 'wevtutil' 'sl', $log, "/ms:$($parts[0])"
  }
}
function Restore-HcSigning([string]$Name, [string]$Text) {
  if ($Text -eq 'off') { return }
  $on = $Text -eq 'True'
  if ($Name -like '*server]') {
    Set-SmbServerConfiguration -RequireSecuritySignature $on -Force -Confirm:$false
  } else {
    Set-SmbClientConfiguration -RequireSecuritySignature $on -Force -Confirm:$false
  }
}

function Restore-HcThing([string]$Kind, [string]$Name, [string]$Text) {
  switch ($Kind) {
    'firewall' { Restore-HcFirewall $Name $Text }
    'signing' { Restore-HcSigning $Name $Text }
    'surface' { Restore-HcSurface $Name $Text }
    'preference' { Restore-HcPreference $Name $Text }
    'audit' { Restore-HcAudit $Name $Text }
    'log' { Restore-HcLog $Name $Text }
    'value' { Restore-HcValue $Name $Text }
    'key' { Restore-HcKey $Name $Text }
    'service' { Restore-HcService $Name $Text }
    default { throw "nobody knows how to put $Name back" }
  }
}
