# The life of a run on its host. Which of the marks `armed`, `confirmed`, `reverting`, `reverted` and `undoing` is in
# its folder says how far it is. They become one another by rename while the lock is held, so that of a confirmation
# and a revert that come at the same moment exactly one wins. Each function may come twice, when its answer was lost.

function Write-HcLines([string]$Path, [string[]]$Lines) {
  $text = ''
  if ($Lines.Length -gt 0) { $text = [string]::Join("`n", $Lines) + "`n" }
  [IO.File]::WriteAllText($Path, $text, [Text.Encoding]::ASCII)
}
function Write-HcAnswer([string]$Word, [string[]]$Lines) {
  $all = @("hardencheck-guard 1 $Word $HcRun") + [object[]]@($Lines) + @("end $($Lines.Length)")
  Send-HcLines $all
}
function Send-HcLines([string[]]$Lines) {
  $bytes = [Text.Encoding]::ASCII.GetBytes([string]::Join("`n", $Lines) + "`n")
  $stream = [Console]::OpenStandardOutput()
  $stream.Write($bytes, 0, $bytes.Length)
  $stream.Flush()
}
function Write-HcNote([string]$Text) {
  # for a person on the host; nobody reads it by machine
  $line = $Text -replace '[^\x20-\x7e]', '?'
  [IO.File]::AppendAllText("$HcFolder\notes", "$line`r`n", [Text.Encoding]::ASCII)
}

function Assert-HcAble {
  $me = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
  if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw 'this account is no administrator here, or has lost its powers on the way (User Account Control)'
  }
  if ([IntPtr]::Size -ne 8 -and [Environment]::Is64BitOperatingSystem) {
    throw 'this is a 32-bit PowerShell on a 64-bit Windows'
  }
  if ($HcBase -match "['\x22]") { throw 'the folder for data of programs has quotes in its name' }
}
function New-HcFolder([string]$Path) {
  # for SYSTEM and the administrators alone, from its first moment on; one that is there already is only judged
  $access = New-Object Security.AccessControl.DirectorySecurity
  $access.SetSecurityDescriptorSddlForm('O:BAG:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
  [void][IO.Directory]::CreateDirectory($Path, $access)
  Assert-HcFolder $Path
}
function Assert-HcFolder([string]$Path) {
  if (([IO.File]::GetAttributes($Path) -band [IO.FileAttributes]::ReparsePoint) -ne 0) { throw "$Path is a link" }
  $found = [IO.Directory]::GetAccessControl($Path)
  $known = 'S-1-5-18', 'S-1-5-32-544'
  $owner = [string]$found.GetOwner([Security.Principal.SecurityIdentifier])
  if ($known -notcontains $owner) { throw "$Path belongs to $owner" }
  if (-not $found.AreAccessRulesProtected) { throw "$Path takes its access list from the folder above" }
  foreach ($rule in $found.GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
    if ($known -notcontains [string]$rule.IdentityReference) { throw "$Path lets in $($rule.IdentityReference)" }
  }
}
function Open-HcLock([int]$Seconds) {
  # nobody else is at it while this is open; Windows closes it when the process ends
  $until = [DateTime]::UtcNow.AddSeconds($Seconds)
  while ($true) {
    try {
      return [IO.File]::Open("$HcBase\lock", 'OpenOrCreate', 'ReadWrite', 'None')
    } catch {
      $busy = $_.Exception.GetBaseException() -is [IO.IOException]
      if (-not $busy -or [DateTime]::UtcNow -gt $until) { throw "another run is at work on this host: $_" }
    }
    Start-Sleep -Milliseconds 250
  }
}
function Test-HcMark([string]$Mark) { [IO.Directory]::Exists("$HcFolder\$Mark") }
function Move-HcMark([string]$From, [string]$To) { [IO.Directory]::Move("$HcFolder\$From", "$HcFolder\$To") }
function Assert-HcKept {
  if (-not [IO.File]::Exists("$HcFolder\manifest")) { throw 'nothing is kept here of this run' }
  Assert-HcFolder $HcBase
}

function Get-HcTaskText {
  # in UTC, and without the conditions that would keep a task from starting on a notebook
  $at = [DateTime]::UtcNow.AddSeconds($HcTimer).ToString('s', [Globalization.CultureInfo]::InvariantCulture) + 'Z'
  # not -File: a group policy may forbid scripts that nobody has signed
  $block = "[ScriptBlock]::Create([IO.File]::ReadAllText('$HcFolder\revert'))"
  $words = "-NoProfile -NonInteractive -Command `"& ($block)`""
  '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><RegistrationInfo><Description>' +
    'Puts back what hardencheck changed and nobody confirmed</Description></RegistrationInfo><Triggers>' +
    "<BootTrigger><Enabled>true</Enabled><Delay>PT30S</Delay></BootTrigger>" +
    "<TimeTrigger><StartBoundary>$at</StartBoundary><Enabled>true</Enabled></TimeTrigger></Triggers>" +
    '<Principals><Principal id="Author"><UserId>S-1-5-18</UserId>' +
    '<RunLevel>HighestAvailable</RunLevel></Principal></Principals><Settings>' +
    '<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>' +
    '<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>' +
    '<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><StartWhenAvailable>true</StartWhenAvailable>' +
    '<Enabled>true</Enabled><ExecutionTimeLimit>PT1H</ExecutionTimeLimit>' +
    '<Priority>4</Priority></Settings><Actions Context="Author"><Exec><Command>' +
    [Security.SecurityElement]::Escape("$([Environment]::SystemDirectory)\WindowsPowerShell\v1.0\powershell.exe") +
    "</Command><Arguments>$([Security.SecurityElement]::Escape($words))</Arguments></Exec></Actions></Task>"
}
function Start-HcTimer {
  # the task first: a mark without it would be a promise that nobody keeps
  [void](Register-ScheduledTask -TaskName $HcTask -TaskPath '\' -Xml (Get-HcTaskText) -Force)
  $task = Get-ScheduledTask -TaskName $HcTask -TaskPath '\'
  if ([string]$task.State -ne 'Ready') { throw "the task that would put things back is $($task.State)" }
  [void][IO.Directory]::CreateDirectory("$HcFolder\armed")
}
function Stop-HcTimer {
  # one that is left over finds nothing to put back
  try { Unregister-ScheduledTask -TaskName $HcTask -TaskPath '\' -Confirm:$false } catch { Write-HcNote "task: $_" }
}

function Get-HcLines($Things, [string]$Salt) {
  [string[]]@(foreach ($label in $Things.Keys) {
    $one = $Things[$label]
    "setting $($one['noun']) $($one['state']) $(Get-HcSha ($Salt + $one['text'])) $($one['name'])"
  })
}
function Save-HcRun {
  $made = "$HcBase\.${HcRun}.new"
  if ([IO.Directory]::Exists($made)) { [IO.Directory]::Delete($made, $true) }
  New-HcFolder $made
  try {
    $touched = [string[]]@($HcTouched -split '\r?\n' | Where-Object { $_ })
    $salt = [guid]::NewGuid().ToString('N') + [guid]::NewGuid().ToString('N')
    $revert = "`$HcRun = '$HcRun'`n$HcProgram`nInvoke-HcRevert`n"
    [IO.File]::WriteAllText("$made\salt", $salt, [Text.Encoding]::ASCII)
    [IO.File]::WriteAllText("$made\revert", $revert, [Text.Encoding]::ASCII)
    $things = Get-HcThings $touched
    $copies = [string[]]@(foreach ($label in $things.Keys) { ConvertTo-HcBase64 $things[$label]['text'] })
    $lines = @($touched | ForEach-Object { "touched $_" }) + @(Get-HcLines $things $salt)
    $lines = $lines + @("revert $(Get-HcSha $revert)")
    Write-HcLines "$made\touched" $touched
    Write-HcLines "$made\copies" $copies
    Write-HcLines "$made\manifest" $lines
    [IO.Directory]::Move($made, $HcFolder)
  } catch {
    [IO.Directory]::Delete($made, $true)
    throw
  }
}
function Remove-HcFolder {
  # at one stroke, so that whoever comes second finds nothing; the next begin removes what is left of it
  $gone = "$HcBase\.${HcRun}.new"
  [IO.Directory]::Move($HcFolder, $gone)
  try { [IO.Directory]::Delete($gone, $true) } catch { [void]$_ }
}
function Remove-HcRests {
  # what processes that were killed have left; the lock is ours
  foreach ($end in 'security.*', 'audit.*', '*.undone') {
    foreach ($file in [IO.Directory]::GetFiles($HcBase, $end)) {
      try { [IO.File]::Delete($file) } catch { [void]$_ }
    }
  }
  foreach ($rest in [IO.Directory]::GetDirectories($HcBase, '.*.new')) {
    try { [IO.Directory]::Delete($rest, $true) } catch { [void]$_ }
  }
}
function Assert-HcAlone {
  foreach ($other in [IO.Directory]::GetDirectories($HcBase)) {
    foreach ($mark in 'armed', 'reverting') {
      if ($other -ne $HcFolder -and [IO.Directory]::Exists("$other\$mark")) {
        throw "the run $([IO.Path]::GetFileName($other)) waits here for its confirmation; confirm or undo it first"
      }
    }
  }
}
function Begin-HcRun {
  Assert-HcAble
  New-HcFolder $HcBase
  $lock = Open-HcLock 60
  $made = $false
  try {
    Assert-HcAlone
    Remove-HcRests
    foreach ($mark in 'confirmed', 'reverting', 'reverted', 'undoing') {
      if (Test-HcMark $mark) { throw "this run has begun before, and is $mark" }
    }
    # asked twice because the answer was lost: what the first one kept is what was there before
    if (-not [IO.File]::Exists("$HcFolder\manifest")) {
      Save-HcRun
      $made = $true
    }
    if ($HcTimer -gt 0 -and -not (Test-HcMark 'armed')) { Start-HcTimer }
    Write-HcAnswer 'begin' ([IO.File]::ReadAllLines("$HcFolder\manifest"))
  } catch {
    if ($made) {
      Stop-HcTimer
      Remove-HcFolder
    }
    throw
  } finally {
    $lock.Dispose()
  }
}
function Save-HcAfter {
  if ([IO.File]::Exists("$HcFolder\after")) { return }
  $things = Get-HcThings ([IO.File]::ReadAllLines("$HcFolder\touched"))
  Write-HcLines "$HcFolder\after.new" (Get-HcLines $things ([IO.File]::ReadAllText("$HcFolder\salt")))
  [IO.File]::Move("$HcFolder\after.new", "$HcFolder\after")
}
function Confirm-HcRun {
  Assert-HcAble
  Assert-HcKept
  # while it reverts, the lock is taken
  if (Test-HcMark 'reverting') {
    Write-HcAnswer 'reverting' @()
    return
  }
  $lock = Open-HcLock 60
  try {
    if (Test-HcMark 'armed') {
      # what cannot be looked at is not confirmed: it is put back in time
      [void](Get-HcThings ([IO.File]::ReadAllLines("$HcFolder\touched")))
      Move-HcMark 'armed' 'confirmed'
    }
    $word = 'confirmed'
    if (Test-HcMark 'reverting') {
      $word = 'reverting'
    } elseif (Test-HcMark 'reverted') {
      $word = 'reverted'
    } else {
      [void][IO.Directory]::CreateDirectory("$HcFolder\confirmed")
      Stop-HcTimer
      Save-HcAfter
    }
    $lines = [string[]]@()
    if ([IO.File]::Exists("$HcFolder\after")) { $lines = [IO.File]::ReadAllLines("$HcFolder\after") }
    Write-HcAnswer $word $lines
  } finally {
    $lock.Dispose()
  }
}
function Invoke-HcRevert {
  # what the task runs when its time has come, or when Windows starts in between
  Assert-HcKept
  $lock = Open-HcLock 1800
  try {
    if (Test-HcMark 'armed') { Move-HcMark 'armed' 'reverting' }
    if (-not (Test-HcMark 'reverting')) {
      Stop-HcTimer
      return
    }
    # after a start of Windows, what is needed for it may take its time
    for ($try = 0; $try -lt 3; $try++) {
      if ($try -gt 0) { Start-Sleep -Seconds 15 }
      $told = [string[]]@('left')
      try { $told = [string[]]@(Restore-Hc $false $false) } catch { Write-HcNote "revert: $_" }
      if (@($told | Where-Object { $_ -like 'left*' }).Length -eq 0) { break }
    }
    try { Save-HcAfter } catch { Write-HcNote "after: $_" }
    Move-HcMark 'reverting' 'reverted'
    Stop-HcTimer
  } finally {
    $lock.Dispose()
  }
}
function Undo-HcRun {
  Assert-HcAble
  if (-not [IO.Directory]::Exists($HcFolder) -and [IO.File]::Exists("$HcBase\${HcRun}.undone")) {
    # asked twice because the answer was lost: nothing is left to be put back
    Assert-HcFolder $HcBase
    Write-HcAnswer 'undo' ([IO.File]::ReadAllLines("$HcBase\${HcRun}.undone"))
    return
  }
  Assert-HcKept
  $lock = Open-HcLock 60
  try {
    if ((Get-HcSha ([IO.File]::ReadAllText("$HcFolder\manifest"))) -cne $HcExpected) {
      throw 'the list of what was there before is not the one that the run began with'
    }
    $known = [IO.File]::Exists("$HcFolder\after")
    $found = ''
    if ($known) { $found = Get-HcSha ([IO.File]::ReadAllText("$HcFolder\after")) }
    if ($HcExpectedAfter -ne '' -and $found -cne $HcExpectedAfter) {
      throw 'the list of what the run left is not the one that was confirmed'
    }
    # who reverts holds the lock: one that left its mark and not the lock has died
    foreach ($mark in 'armed', 'reverting') {
      if (Test-HcMark $mark) {
        Move-HcMark $mark 'undoing'
        Stop-HcTimer
      }
    }
    $told = [string[]]@(Restore-Hc $known $HcForce)
    if (@($told | Where-Object { $_ -like 'left *' }).Count -eq 0) {
      $told = [string[]]@($told + @('cleared'))
      Write-HcLines "$HcBase\${HcRun}.undone" $told
      Remove-HcFolder
    }
    Write-HcAnswer 'undo' $told
  } finally {
    $lock.Dispose()
  }
}
function Invoke-HcGuard([string]$What) {
  try {
    switch ($What) {
      'begin' { Begin-HcRun }
      'confirm' { Confirm-HcRun }
      'undo' { Undo-HcRun }
      default { throw "nobody knows what $What is" }
    }
  } catch {
    $why = [string]$_.Exception.GetBaseException().Message -replace '[^\x20-\x7e]', '?'
    Send-HcLines @("hardencheck-guard 1 error $HcRun", $why, 'end error')
  }
}
