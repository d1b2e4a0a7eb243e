"""What powershell.exe runs first on a Windows host: it takes the script from standard input, where length has no limit.

The script itself is never on a command line, and nothing of it is packed: whoever reads the host's own log of script
blocks (event 4104) finds the same text that `hardencheck doctor --show-script` prints.

Where Constrained Language Mode forbids what the script needs (WDAC, AppLocker), nothing is tried: the answer is one
section that names the mode, made with operators alone, so that "could not look" is proved like any other answer.
"""

from __future__ import annotations

import base64

#: Windows PowerShell 5.1 (and 2.0). `$input` is standard input; `$HcText` begins with the line that sets the nonce.
#: Texts of one line each, because the console ends a line with CR LF: two characters more than its text has.
BOOTSTRAP = r"""
$ProgressPreference = 'SilentlyContinue'
$HcText = $input | Out-String
$HcMode = "$($ExecutionContext.SessionState.LanguageMode)"
if ($HcMode -eq 'FullLanguage') {
  & ([ScriptBlock]::Create($HcText))
} else {
  $HcWord = ''
  if ($HcText -match "HcNonce = '([0-9a-f]{32})'") { $HcWord = $Matches[1] }
  $HcSaid = '{"i":"language","ok":true,"v":"' + $HcMode + '"}'
  $HcEnd = '{"i":"@end"}'
  $HcTail = 'rc=0000004'
  "HC1 $HcWord windows.platform $($HcSaid.Length + $HcEnd.Length + $HcTail.Length + 4)"
  $HcSaid
  $HcEnd
  $HcTail
  "HC1 $HcWord end 1"
}
"""


def encoded() -> str:
    """Return the bootstrap as the argument of -EncodedCommand: UTF-16 in base64."""
    return base64.b64encode(BOOTSTRAP.strip().encode("utf-16-le")).decode("ascii")
