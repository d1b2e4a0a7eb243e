"""The collector for Windows: one PowerShell 5.1 script that runs every probe of one sweep, each in bounds of its own.

Wire format as in `hardencheck.collect.script`; all of it is ASCII. Sections run one after the other in a runspace of
the same process. One that takes longer than its seconds is told to stop and left behind with its runspace, and the
next section gets a new one; its status is 124, as timeout(1) would say. No program is started but secedit and auditpol.

What is read is decided by the probes alone: no value of a baseline reaches a Windows host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hardencheck.model.probe import Probe
from hardencheck.probes.powershell import END_OF_SECTION
from hardencheck.probes.prelude import PRELUDE

_HEAD = r"""# hardencheck collector: reads; it writes only what secedit and auditpol export to, files that it deletes
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$HcStream = [Console]::OpenStandardOutput()
$script:HcShell = $null
$script:HcStopped = $false
function Write-HcFrame([string]$Probe, [string]$Text, [string]$Said, [int]$Status) {
  $Said = $Said -replace '[^\x20-\x7e]', '?'
  if ($Said.Length -gt @STDERR@) { $Said = $Said.Substring(0, @STDERR@) }
  $tail = $Said + 'rc=' + $Status
  $body = $Text + $tail + ('{0:d6}' -f $tail.Length)
  $bytes = [Text.Encoding]::ASCII.GetBytes("HC1 $HcNonce $Probe $($body.Length)`n$body`n")
  $HcStream.Write($bytes, 0, $bytes.Length)
  $HcStream.Flush()
}
function Get-HcShell {
  if ($null -eq $script:HcShell) {
    $start = $HcPrelude
    # WMI may be what did not answer: nobody is asked again who set a value
    if ($script:HcStopped) { $start = $start + "`n" + '$HcSources = @{}' }
    $shell = [PowerShell]::Create()
    [void]$shell.AddScript($start)
    [void]$shell.Invoke()
    $script:HcShell = $shell
  }
  $script:HcShell.Commands.Clear()
  $script:HcShell
}
function Invoke-HcScript([int]$Seconds, [string]$Body) {
  $done = @{ text = ''; said = ''; status = 0 }
  try {
    $shell = Get-HcShell
    [void]$shell.AddScript($Body)
    $call = $shell.BeginInvoke()
    if ($call.AsyncWaitHandle.WaitOne($Seconds * 1000)) {
      $lines = [string[]]@($shell.EndInvoke($call) | ForEach-Object { [string]$_ })
      $done['text'] = [string]::Join("`n", $lines) + "`n"
    } else {
      $done['status'] = 124
      $script:HcShell = $null
      $script:HcStopped = $true
      [void]$shell.BeginStop($null, $null)
    }
  } catch {
    $done['status'] = 1
    $cause = $_.Exception.GetBaseException()
    $done['said'] = $cause.GetType().FullName + ': ' + $cause.Message
    $script:HcShell = $null
  }
  $done
}
function Invoke-HcSection([string]$Probe, [int]$Seconds, [int]$Bytes, [string]$Body) {
  $done = Invoke-HcScript $Seconds $Body
  $text = $done['text'] -replace '[^\x0a\x20-\x7e]', '?'
  if ($text.Length -gt $Bytes) { $text = $text.Substring(0, $Bytes) }
  Write-HcFrame $Probe $text $done['said'] $done['status']
}
"""

#: The end of a section's error text that is kept.
STDERR_CHARACTERS = 2048

#: How long the host's record of policies (RSoP) is waited for.
_SOURCES_SECONDS = 15


@dataclass(frozen=True)
class PowerShellScript:
    """The collector for one set of Windows probes; the same set gives the same text on every host."""

    probes: tuple[Probe, ...]

    @cached_property
    def text(self) -> str:
        """The script without its nonce, as `doctor --show-script` prints it."""
        parts = [_HEAD.replace("@STDERR@", str(STDERR_CHARACTERS)), _here("$HcPrelude = ", PRELUDE)]
        # who set which value is found out before the sections, whose time it may not take
        parts.append(f"[void](Invoke-HcScript {_SOURCES_SECONDS} 'Get-HcSource Path Name')\n")
        for probe in self.probes:
            # one character more than allowed tells "exactly full" from "cut off"
            call = f"Invoke-HcSection {probe.id} {probe.seconds} {probe.max_bytes + 1} "
            parts.append(_here(call, f"{probe.script.strip()}\n{END_OF_SECTION}"))
        ending = f'[Text.Encoding]::ASCII.GetBytes("HC1 $HcNonce end {len(self.probes)}`n")'
        parts.append(f"$HcEnd = {ending}\n$HcStream.Write($HcEnd, 0, $HcEnd.Length)\n$HcStream.Flush()\n")
        # a section that does not stop must not keep the process
        parts.append("[Environment]::Exit(0)\n")
        return "".join(parts)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def payload(self, nonce: str, values: Mapping[str, Any] = MappingProxyType({})) -> bytes:
        """Return the bytes for the host's standard input: ASCII, because its code page is not known."""
        return f"$HcNonce = '{nonce}'\n{self.text}".encode("ascii")


def build(probes: Iterable[Probe]) -> PowerShellScript:
    """Return the collector of these probes, in the order of their ids."""
    return PowerShellScript(tuple(sorted(probes, key=lambda probe: probe.id)))


def _here(before: str, text: str) -> str:
    """Return a here-string, in which nothing has a meaning but its own end at the beginning of a line."""
    if any(line.startswith("'@") for line in text.splitlines()):
        raise ValueError("the text would end its here-string")
    return f"{before}@'\n{text.strip()}\n'@\n"
