# Decides for each thing whether it is put back, does it, and looks whether it is as before.

# in this order: the way in first, what Windows writes into the registry before the registry, services last of all
$HcOrder = 'firewall', 'security', 'signing', 'surface', 'preference', 'audit', 'log', 'key', 'value', 'service'

function Get-HcKind([string]$Noun, [string]$Name, $Kinds) {
  if ($Noun -ne 'policy') { return $Noun }
  [string]$Kinds[($Name -replace ' \[[^\[\]]*\]$', '')]
}
function Get-HcSeen([string[]]$Touched, [string]$Salt) {
  # digests of what is there now; what cannot be looked at is in `unseen` by its kind, and does not keep the rest back
  $found = @{}
  $unseen = @{}
  foreach ($group in ($Touched | Group-Object { ($_ -split ' ')[0] })) {
    try {
      $things = Get-HcThings ([string[]]@($group.Group))
      foreach ($label in $things.Keys) { $found[$label] = Get-HcSha ($Salt + $things[$label]['text']) }
    } catch {
      $unseen[[string]$group.Name] = [string]$_
    }
  }
  @{ found = $found; unseen = $unseen }
}
function Get-HcUnseen([string]$Kind, $Seen) {
  $group = $Kind
  if ($Kind -eq 'key' -or $Kind -eq 'value') { $group = 'registry' }
  $Seen['unseen'].ContainsKey($group)
}

function Read-HcKept([string]$Salt) {
  # what was there before, by label, with its text as far as the copy is still what it was
  $copies = [string[]]@()
  if ([IO.File]::Exists("$HcFolder\copies")) { $copies = [IO.File]::ReadAllLines("$HcFolder\copies") }
  $kept = [ordered]@{}
  $at = 0
  foreach ($line in [IO.File]::ReadAllLines("$HcFolder\manifest")) {
    if ($line -match '^setting ([a-z]+) [a-z,]+ ([0-9a-f]{64}) (.+)$') {
      $one = @{ noun = $Matches[1]; digest = $Matches[2]; name = $Matches[3]; text = ''; reason = '' }
      if ($at -ge $copies.Length) {
        $one['reason'] = 'copy-missing'
      } else {
        try {
          $one['text'] = ConvertFrom-HcBase64 $copies[$at]
          if ((Get-HcSha ($Salt + $one['text'])) -cne $one['digest']) { $one['reason'] = 'copy-changed' }
        } catch {
          $one['reason'] = 'copy-changed' # absent is an answer: what is no base64 is not what was written
        }
      }
      $kept["$($one['noun']) $($one['name'])"] = $one
      $at++
    }
  }
  $kept
}
function Read-HcDigests([string]$Path) {
  $found = @{}
  foreach ($line in [IO.File]::ReadAllLines($Path)) {
    if ($line -match '^setting ([a-z]+) [a-z,]+ ([0-9a-f]{64}) (.+)$') {
      $found["$($Matches[1]) $($Matches[3])"] = $Matches[2]
    }
  }
  $found
}

function Restore-Hc([bool]$Known, [bool]$Force) {
  # the lines of the answer: `restored NOUN NAME` or `left NOUN REASON NAME`
  $said = New-Object Collections.ArrayList
  $salt = [IO.File]::ReadAllText("$HcFolder\salt")
  $touched = [IO.File]::ReadAllLines("$HcFolder\touched")
  $kinds = @{}
  foreach ($line in $touched) {
    $kind = ($line -split ' ')[0]
    $kinds[$line.Substring($kind.Length + 1)] = $kind
  }
  $none = Get-HcSha ($salt + 'absent')
  $kept = Read-HcKept $salt
  $after = @{}
  if ($Known) { $after = Read-HcDigests "$HcFolder\after" }
  $seen = Get-HcSeen $touched $salt
  # what was not there before
  foreach ($label in @(@($after.Keys) + @($seen['found'].Keys))) {
    if (-not $kept.Contains($label)) {
      $noun = ($label -split ' ')[0]
      $name = $label.Substring($noun.Length + 1)
      $kept[$label] = @{ noun = $noun; digest = $none; name = $name; text = 'absent'; reason = '' }
    }
  }
  $due = New-Object Collections.ArrayList
  foreach ($label in $kept.Keys) {
    $one = $kept[$label]
    $kind = Get-HcKind $one['noun'] $one['name'] $kinds
    $now = $none
    if ($seen['found'].ContainsKey($label)) { $now = $seen['found'][$label] }
    $left = ''
    if ($Known) {
      $left = $none
      if ($after.ContainsKey($label)) { $left = $after[$label] }
    }
    $blind = Get-HcUnseen $kind $seen
    if ($blind) { $now = '?' }
    $verdict = Get-HcVerdict $one['digest'] $left $now ($Force -or $blind)
    if ($verdict -eq 'left') {
      [void]$said.Add("left $($one['noun']) changed-since $($one['name'])")
    } elseif ($verdict -eq 'restore' -and $one['reason'] -ne '') {
      [void]$said.Add("left $($one['noun']) $($one['reason']) $($one['name'])")
    } elseif ($verdict -eq 'restore') {
      $one['kind'] = $kind
      $one['label'] = $label
      [void]$due.Add($one)
    }
  }
  [void](Restore-HcDue $due)
  $seen = Get-HcSeen $touched $salt
  foreach ($one in $due) {
    $now = $none
    if ($seen['found'].ContainsKey($one['label'])) { $now = $seen['found'][$one['label']] }
    if (Get-HcUnseen $one['kind'] $seen) { $now = '?' }
    if ($now -ceq $one['digest']) {
      [void]$said.Add("restored $($one['noun']) $($one['name'])")
    } elseif ($one['noun'] -eq 'key' -and $one['text'] -eq 'absent') {
      [void]$said.Add("left key not-empty $($one['name'])")
    } else {
      [void]$said.Add("left $($one['noun']) not-restored $($one['name'])")
    }
  }
  [string[]]$said
}
function Restore-HcDue($Things) {
  # what cannot be put back does not keep the rest back; whether it is as before is looked at afterwards
  foreach ($kind in $HcOrder) {
    $some = @($Things | Where-Object { $_['kind'] -eq $kind })
    if ($kind -eq 'security' -and $some.Length -gt 0) {
      $texts = @{}
      foreach ($one in $some) { $texts[$one['name']] = $one['text'] }
      try { Restore-HcSecurity $texts } catch { Write-HcNote "security: $_" }
      continue
    }
    # a key that the run made goes when what is in it has gone
    if ($kind -eq 'key') { $some = @($some | Where-Object { $_['text'] -ne 'absent' }) }
    foreach ($one in $some) {
      try { Restore-HcThing $kind $one['name'] $one['text'] } catch { Write-HcNote "$($one['name']): $_" }
    }
    if ($kind -eq 'value') {
      Restore-HcMade @($Things | Where-Object { $_['kind'] -eq 'key' -and $_['text'] -eq 'absent' })
    }
  }
  Restore-HcReaders $Things
}
function Restore-HcMade([object[]]$Keys) {
  # the deepest first
  foreach ($one in @($Keys | Sort-Object { $_['name'].Split('\').Length } -Descending)) {
    try { Restore-HcKey $one['name'] $one['text'] } catch { Write-HcNote "$($one['name']): $_" }
  }
}
function Restore-HcReaders($Things) {
  # a service that is touched reads its settings anew
  $names = @($Things | Where-Object { $_['noun'] -eq 'value' } | ForEach-Object { $_['name'] })
  foreach ($line in [IO.File]::ReadAllLines("$HcFolder\touched")) {
    $service = $line -replace '^service ', ''
    $below = "HKLM:\SYSTEM\CurrentControlSet\Services\$service\*"
    $reads = @($names | Where-Object { $_ -like $below })
    if ($service -ne $line -and $reads.Length -gt 0 -and [string](Get-Service -Name $service).Status -eq 'Running') {
      try { Restart-Service -Name $service -Force } catch { Write-HcNote "${service}: $_" }
    }
  }
}
