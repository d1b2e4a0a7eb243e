"""The lint refuses what a collector must never do, in every disguise that we could think of, and says why."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.powershell import syntax
from tests.powershell.lint import functions_of, lint
from tests.powershell.policy import BOOTSTRAP, COLLECTOR, PRELUDE, PROBE

KNOWN = frozenset({"Item", "List", "Registry", "SecurityPolicy", "AuditPolicy", "Get-HcTime"})

GOOD = {
    "an item": "Item 'os' {\n  $os = Get-CimInstance Win32_OperatingSystem\n  @{ v = [string]$os.Version }\n}",
    "a list": "List 'services' { Get-Service | Where-Object { $_.Status -eq 'Running' } | ForEach-Object { $_.Name } }",
    "a key": "Registry 'lsa' 'SYSTEM\\CurrentControlSet\\Control\\Lsa' 'LimitBlankPasswordUse', 'NoLMHash'",
    "bare words": "Registry 'lsa' 'SYSTEM\\X' NoLMHash, LsaCfgFlags, `\n  RunAsPPL\nRegistry 'b' 'SAM\\X' A, B",
    "bare words and more": "Item 'x' { Get-CimInstance Win32_BIOS -Property Name,SMBIOSBIOSVersion -Verbose }",
    "bare words in a block": "List 'x' { Get-Service | Select-Object Name, Status }",
    "words in a text": "Item 'x' { 'one, two }' + \"a, b }\" # and, so }\n}",
    "a section of the security policy": "SecurityPolicy 'a' 'System Access', 'Version'\nAuditPolicy 'b'",
    "a key of every user": "Registry 'a' '.DEFAULT\\Control Panel\\Desktop' ScreenSaveActive -Hive Users",
    "all values and keys": "Registry 'a' 'SYSTEM\\Setup' '*', 'SUBKEYS'",
    "a path from a loop": "foreach ($p in @('a', 'b')) { Registry $p \"SOFTWARE\\$p\" '*' }",
    "a line that goes on": "Registry 'lsa' 'SYSTEM\\X' 'A', `\n  'B'",
    "a loop of items": "foreach ($name in @('a', 'b')) { Item $name { 1 } }",
    "a date": "Item 'x' { $d = Get-Date\n  $d.ToString('yyyy', [Globalization.CultureInfo]::InvariantCulture) }",
    "a round-trip date": "Item 'x' { $d = Get-Date\n  $d.ToUniversalTime().ToString('o') }",
    "a hexadecimal number": "Item 'x' { $n = 5\n  '{0:x4}' -f $n }",
    "a said excuse": "Item 'x' { Get-Service X -ErrorAction SilentlyContinue # absent is an answer: no such service\n}",
    "a said empty catch": "Item 'x' { try { Get-Tpm } catch { # absent is an answer: no TPM chip is fitted\n } }",
    "errors that stop": "Item 'x' { Get-MpComputerStatus -ErrorAction Stop }",
    "a counting loop": "Item 'x' { $n = 0\n  Get-Process | ForEach-Object { $n += 1 }\n  $n }",
    "an own collection": "Item 'x' { $all = New-Object Collections.ArrayList\n  [void]$all.Add('a')\n  $all.Count }",
    "an own hashtable": "Item 'x' { $all = @{}\n  $all['a'] = 1\n  $all.b = 2\n  $all.Remove('a')\n  $all }",
    "an own function": "function Get-Twice($n) { $n * 2 }\nItem 'x' { Get-Twice 2 }",
    "local accounts": "List 'x' { Get-CimInstance Win32_UserAccount -Filter 'LocalAccount = TRUE' }",
    "members of a group": "List 'x' { Get-CimAssociatedInstance -InputObject $_ -Association Win32_GroupUser }",
    "a loop that ends": "Item 'x' { foreach ($n in (1..3)) { if ($n -gt 1) { break } } }",
    "a choice": "Item 'x' {\n  $v = Get-Date\n  switch ($v.Kind) {\n    'Utc' { 1 }\n    default { 2 }\n  }\n}",
    "a failure that is passed on": "Item 'x' { try { Get-Tpm } catch { throw \"TPM: $_\" } }",
    "try and finally": "Item 'x' { try { Get-Tpm } finally { 1 } }",
    "a block that answers": "Item 'x' { if ($env:COMPUTERNAME) { return 1 }\n  2 }",
    "an ordinal comparison": "Item 'x' { $env:TEMP.StartsWith('C:', 'OrdinalIgnoreCase') }",
    "settings of a log": "Item 'x' { (Get-WinEvent -ListLog Security).IsEnabled }",
    "counts": "Item 'x' { @(Get-Service).Count + (Get-Process | Measure-Object).Count }",
    "a text with parts": "Item 'x' { $a = Get-Tpm\n  \"$($a.TpmReady) ${a}: $env:SystemRoot\\$a.exe `$a.b\" }",
    "a type and its arguments": "Item 'x' { New-Object Version('1.0') }",
    "a file with its encoding": "List 'x' { Get-Content -Path C:\\x.ini -Encoding UTF8 -ErrorAction Stop }",
}

BAD = {
    # what acts
    "Stop-Service -Name Spooler": "not on the list",
    "STOP-service Spooler": "not on the list",
    "Set-ItemProperty -Path x -Name y -Value 1": "not on the list",
    "Remove-Item x": "not on the list",
    "New-Item x": "not on the list",
    "Start-Process x": "not on the list",
    "Start-Sleep 5": "not on the list",
    "Invoke-Expression 'Get-Date'": "not on the list",
    "Invoke-CimMethod -ClassName Win32_Process -MethodName Create": "not on the list",
    "Invoke-WebRequest http://example.com": "not on the list",
    "Add-Type -TypeDefinition 'class A {}'": "not on the list",
    "Import-Module x": "not on the list",
    "Write-EventLog x": "not on the list",
    "Get-Foo": "not on the list",
    "netsh.exe advfirewall reset": "not a plain command name",
    "secedit.exe /configure /db x": "not a plain command name",
    "Get-CimInstance Win32_Product": "repairs installed packages",
    "Get-HcInstances Win32_Product": "repairs installed packages",
    "Get-CimInstance Win32_UserAccount": "lists the domain",
    "Get-CimInstance -Query 'SELECT * FROM win32_product'": "repairs installed packages",
    "Get-CimInstance Win32_GroupUser": "lists the domain",
    'Get-CimInstance "Win32_Product"': "repairs installed packages",
    # what hides it
    "iex 'Get-Date'": "alias",
    "I`ex 'Get-Date'": "not a plain command name",
    "Get-Service | % { $_ }": "alias",
    "Get-Service | ? { $_ }": "alias",
    "Get-Service | select Name": "alias",
    "gwmi Win32_BIOS": "alias",
    "& 'Stop-Service' x": "& and . run",
    "& ('Stop-' + 'Service') x": "& and . run",
    "& $env:COMSPEC /c del x": "& and . run",
    "& $Body": "& and . run",
    '& "$env:SystemRoot\\System32\\secedit.exe" /configure /db x': "& and . run",
    ". $env:TEMP\\x.ps1": "& and . run",
    "Get-Service | ForEach-Object Stop": "method's name",
    "Get-Service | ForEach-Object 'Stop'": "method's name",
    "Get-Service | ForEach-Object -MemberName Stop": "-membername is refused",
    "Get-Service | ForEach-Object -m Stop": "-membername is refused",
    '"$(Stop-Service x)"': "not on the list",
    '@"\n$(Stop-Service x)\n"@': "not on the list",
    "Get-Service -Name (Stop-Service x)": "not on the list",
    "@{ a = Stop-Service x }": "not on the list",
    "Get-Service | Select-Object @{ n = 'a'; e = { $_.Stop() } }": "method not on the list",
    "Get-Service | Where-Object { $_.Stop() }": "method not on the list",
    "$f = { Stop-Service x }": "not on the list",
    "$f = 'Stop-Service x'; $f | Invoke-Expression": "not on the list",
    "$a = @{ Name = 'x' }; Get-Service @a": "splatting",
    "function Get-CimInstance { 1 }": "stand before the command",
    "function Item { 1 }": "stand before the command",
    "filter Get-Own { $_ }": "only functions",
    "workflow Get-Own { 1 }": "only functions",
    "${function:Get-Date} = { 1 }": "reaches beyond this script",
    "$global:x = 1": "reaches beyond this script",
    "$env:PATH = 'x'": "environment is only read",
    "Get-Service --% x": "stop parsing",
    "trap { 1 }": "trap statement",
    "Get-Service -Name $env:X.Stop()": "call among the arguments",
    "Get-Service (Get-Service x).Stop()": "not on the list|among the arguments",
    "Get-Service a, (Get-Service x).Stop()": "not on the list|among the arguments|syntax",
    "Get-Service [IO.File]::Delete('x')": "quote it|among the arguments|syntax",
    "$s = Get-Service x; Get-Date $s.Stop()": "call among the arguments",
    "$s = Get-Service x; Get-Date $s.Stop{ 1 }": "call without parentheses",
    "$s = Get-Service x; $s.Stop{ 1 }": "syntax|call without parentheses",
    # files and other machines
    "Get-Service > x.txt": "redirection",
    "Get-Service >> x.txt": "redirection",
    "Get-Service 2>$null": "redirection",
    "Get-Service 2>&1": "redirection",
    "Get-Service | Out-File x": "not on the list",
    "Get-Service | Tee-Object x": "not on the list",
    "Get-Service -ComputerName x": "-computername is refused",
    "Get-Service -Comp x": "-computername is refused",
    "Get-CimInstance Win32_BIOS -CimSession x": "-cimsession is refused",
    "Get-CimInstance Win32_BIOS -cn x": "-cn is refused",
    "Get-Item \\\\server\\share": "another machine",
    "switch -File C:\\x { default { 1 } }": "code page",
    # .NET
    "[IO.File]::Delete('x')": "static method not on the list",
    "[System.IO.File]::WriteAllText('x', 'y')": "static method not on the list",
    "[system.io.file]::delete('x')": "static method not on the list",
    "[Diagnostics.Process]::Start('x')": "static method not on the list",
    "[ScriptBlock]::Create('x').Invoke()": "not on the list",
    "[scriptblock]'Stop-Service x'": "code",
    "[PowerShell]::Create()": "static method not on the list",
    "[Microsoft.Win32.Registry]::SetValue('a', 'b', 1)": "static method not on the list",
    "[Microsoft.Win32.Registry]::LocalMachine.CreateSubKey('x')": "not on the list",
    "[Reflection.Assembly]::Load('x')": "static method not on the list",
    "[Net.Dns]::GetHostEntry('x')": "static method not on the list",
    "[Environment]::Exit(0)": "static method not on the list",
    "[Console]::Title = 'x'": "static member not on the list",
    "$t = [IO.File]; $t::Delete('x')": "not on the list",
    "[wmi]'x'": "type not on the list",
    "[adsi]'WinNT://./x'": "type not on the list",
    "$x = [wmiclass]'Win32_Process'": "type not on the list",
    "'x' -as [Net.WebClient]": "type not on the list",
    "[Collections.Generic.List[IO.File]]::new()": "not on the list",
    "[Net.WebClient]::new()": "static method not on the list",
    "New-Object Net.WebClient": "New-Object may make",
    "New-Object -ComObject Shell.Application": "New-Object",
    "New-Object $env:X": "New-Object may make",
    "(Get-Service x).Stop()": "method not on the list",
    "(Get-Service x).STOP()": "method not on the list",
    "(Get-Item x).Delete()": "method not on the list",
    "$m = 'Stop'; (Get-Service x).$m()": "not written down",
    "(Get-Service x).'Stop'()": "not written down",
    "(Get-Service x).('Stop')()": "not written down",
    "(Get-Service x).PSObject.Methods['Stop'].Invoke()": "cannot be read here",
    "(Get-Service x).GetType().InvokeMember('Stop')": "cannot be read here",
    "$g = Get-LocalGroup x; $g.Add('y')": "only on a collection",
    "$s = Get-Service x; $s.StartType = 'Disabled'": "only read",
    "$ExecutionContext.InvokeCommand.InvokeScript('x')": "method not on the list",
    # what reads nothing and calls it an answer
    "Get-Service -ErrorAction SilentlyContinue": "hides that it could not look",
    "Get-Service -ErrorAction Ignore": "hides that it could not look",
    "Get-Service -ErrorAction 0": "hides that it could not look",
    "Get-Service -EA SilentlyContinue": "hides that it could not look",
    "Get-Service -ErrorA:SilentlyContinue": "hides that it could not look",
    "Get-Service -ErrorAction SilentlyContinue # absent is an answer:": "hides that it could not look",
    "'# absent is an answer: a text' | Out-Null; Get-Service -ea 0": "hides that it could not look",
    "$ErrorActionPreference = 'Continue'": "must be 'Stop'",
    "$x = @(); $x.a = $missing": "nothing here sets it",
    "$servcies = Get-Service; $services": "nothing here sets it",
    "Item 'b' { $x = 1 }; Item 'c' { $x }": "nothing here sets it",
    "$name = 'x'; Item 'y' { Get-Service -Name $name }": "choose another",
    "Item 'inner' { 1 }": "an item in an item",
    '$a = Get-Tpm; "$a.TpmReady"': "only the variable is filled in",
    '$a = @(1); "$a[0]"': "only the variable is filled in",
    '$a = 1; "$a: b"': "colon belongs",
    "(Get-Service x).Count": "may have no Count",
    "$s = Get-Service x; $s.Count": "may have no Count",
    "$input = 1": "PowerShell itself sets",
    "foreach ($host in @(1)) { 1 }": "PowerShell itself sets",
    "function Get-Own($args) { 1 }": "PowerShell itself sets",
    "try { Get-Tpm } catch { }": "hides that it could not look",
    "try { Get-Tpm } catch { $false }": "hides that it could not look",
    "$PSDefaultParameterValues = @{}": "PowerShell itself sets",
    "$PSDefaultParameterValues['*:ErrorAction'] = 'Ignore'": "PowerShell itself sets",
    "$OFS = ','": "PowerShell itself sets",
    "Get-HcExport 'secedit'": "not on the list",
    "try { Get-Tpm }": "catch or finally",
    "if (Get-Tpm -eq $null) { 1 }; $x = 1; $x -eq $null": "$null on the left",
    "$x = 1; if ($x = 2) { 1 }": "compares with -eq",
    "if ($env:X) { 1 } elseif ($y = 2) { 2 }": "compares with -eq",
    "while ($y = 2) { 2 }": "compares with -eq",
    "exit 0": "ends all sections",
    "Get-Service | ForEach-Object { break }": "outside a loop",
    "foreach ($s in @(1)) { Get-Service | ForEach-Object { continue } }": "outside a loop",
    # the wrong view, the wrong words, the wrong culture
    "Get-WmiObject Win32_BIOS": "use Get-CimInstance",
    "Get-ItemProperty HKLM:\\SOFTWARE\\X": "64-bit view",
    "Test-Path HKLM:\\SOFTWARE\\X": "registry's drives",
    "Get-ChildItem 'Registry::HKEY_USERS'": "registry's drives",
    "Get-BitLockerVolume": "recovery passwords",
    "Get-Date -Format yyyy": "-format is refused",
    "Get-Content C:\\x.ini": "needs -encoding",
    "Get-WinEvent -LogName Security": "needs -maxevents",
    "(Get-Date).ToString('yyyy-MM-dd')": "InvariantCulture",
    "(Get-Date).ToString()": "cast to [string]",
    "'{0:yyyy}' -f (Get-Date)": "culture fills it in",
    "$f = 'x'; $f -f 1": "format in place",
    "$env:X.Replace('a', '{0:yyyy}' -f 1)": "culture fills it in",
    '$a = Get-Tpm; @"\n$a.TpmReady\n"@': "only the variable is filled in",
    "$env:X.ToLower()": "ToLowerInvariant",
    "$env:X.StartsWith('a')": "Ordinal",
    "'\N{LATIN SMALL LETTER E WITH ACUTE}'": "ASCII",
    "Get-Service\t-Name x": "ASCII",
    "Get-Service ` \n -Name x": "syntax",
    "Get-Service -Computer`Name x": "end of a line only",
    # newer than Windows PowerShell 5.1
    "Get-Service && Get-Date": "newer than 5.1",
    "Get-Service || Get-Date": "newer than 5.1",
    "$x = $env:A ?? 1": "newer than 5.1",
    "$x = $env:A ? 1 : 2": "newer than 5.1",
    "$x = 1; $x?.Length": "syntax",
    "1..3 | ForEach-Object -Parallel { $_ }": "-parallel is refused",
    "Get-Service &": "syntax",
    "using namespace System": "newer than 5.1|using loads code|not on the list",
    "class A { }": "class statement",
    # not PowerShell at all
    "Item 'x' {": "syntax",
    "if ($x { 1 }": "syntax",
    "$a = 'x": "syntax",
}

OUTSIDE = {
    "Get-Service": "beside the items",
    "'x'": "beside the items",
    "if ($env:X) { Get-Date }": "beside the items",
    "return": "must run to its end",
    "Item 'a' { 1 }; Item 'a' { 2 }": "two items of one name",
    "Item 'a' 'Get-Tpm'": "a block that is written in place",
    "$b = { 1 }; Item 'a' $b": "a block that is written in place",
    "Item { 1 }": "a block that is written in place",
    "Registry 'a' 'HKLM:\\SOFTWARE\\X' B": "not a path below HKLM",
    "Registry 'a' 'HKLM\\SOFTWARE\\X' B": "not a path below HKLM",
    "Registry 'a' 'SOFTWARE\\\\X' B": "not a path below HKLM",
    "Registry 'a' 'SOFTWARE\\X\\' B": "not a path below HKLM",
    "Registry 'a' 'SOFTWARE\\X'": "the values' names",
    "Registry 'a' 'SOFTWARE\\X' B C": "the values' names",
    "SecurityPolicy 'a' 'System Acces'": "no section of that name",
    "SecurityPolicy 'a' 'Version', 'Registry'": "no section of that name",
    "SecurityPolicy 'a'": "no section of that name",
}


def in_an_item(snippet: str) -> str:
    return f"Item 'tried' {{\n{snippet}\n}}"


@pytest.mark.parametrize("name", GOOD)
def test_what_reads_is_let_through(name: str) -> None:
    assert lint(GOOD[name], PROBE, KNOWN) == []


@pytest.mark.parametrize("snippet", BAD)
def test_what_does_more_is_refused_with_its_reason(snippet: str) -> None:
    found = lint(in_an_item(snippet), PROBE, KNOWN)
    assert any(re.search(BAD[snippet].replace("$", r"\$").replace("[", r"\["), it.reason) for it in found), found
    assert found[0].line == 1 or found[0].text, "a finding shows its place"


@pytest.mark.parametrize("snippet", [it for it in BAD if not it.startswith("Item 'inner'")])
def test_it_is_refused_at_the_scripts_own_level_too(snippet: str) -> None:
    assert lint(snippet, PROBE, KNOWN)


@pytest.mark.parametrize("snippet", [it for it in BAD if "# absent" not in it])
def test_upper_case_hides_nothing(snippet: str) -> None:
    assert lint(in_an_item(snippet.upper()), PROBE, frozenset(KNOWN | {"ITEM"}))


@pytest.mark.parametrize("snippet", OUTSIDE)
def test_nothing_prints_beside_the_items(snippet: str) -> None:
    found = lint(snippet, PROBE, KNOWN)
    assert any(OUTSIDE[snippet] in it.reason for it in found), found


def test_a_finding_names_line_and_text() -> None:
    (found,) = lint("Item 'a' { 1 }\nItem 'b' {\n  Stop-Service Spooler\n}", PROBE, KNOWN)
    assert (found.line, found.text) == (3, "Stop-Service Spooler")
    assert str(found).startswith("line 3: Stop-Service Spooler: ")


def test_both_grammars_miss_a_try_alone_and_the_lint_does_not() -> None:
    assert syntax.errors("try { 1 }\n") == []
    assert [it.reason for it in lint("try { 1 }\n", COLLECTOR)] == ["try needs catch or finally"]


@pytest.mark.parametrize(
    "broken",
    ["if ($a { 1 }", "@{ a = }", "$a = 1 +", "Get-Date |", "$a -eqq 1", '"a" "b"', "$(1", "foreach ($a) { }", "'a"],
)
def test_broken_syntax_is_found(broken: str) -> None:
    assert syntax.errors(f"Item 'a' {{ 1 }}\n{broken}\n")


def test_only_its_function_may_write_and_delete_the_export() -> None:
    start = '$path = [IO.Path]::GetTempPath()\n  try { & $program /backup "/file:$path" }'
    body = f"{start} finally {{ [IO.File]::Delete($path) }}"
    owner = f"function Get-HcExport($program) {{\n  {body}\n}}"
    assert lint(owner, PRELUDE) == []
    assert lint(owner.replace("Get-HcExport", "Get-Other"), PRELUDE)
    assert lint(owner.replace("/backup", "/restore"), PRELUDE)
    assert lint(owner, PROBE)


def test_only_the_prelude_asks_a_group_for_its_members_and_calls_nothing_else_of_it() -> None:
    body = "$g = [adsi]\"WinNT://./$name,group\"\n  $group = $g\n  $group.psbase.Invoke('Members')"
    script = f"function Get-Own($name) {{\n  {body}\n}}"
    assert lint(script, PRELUDE) == []
    assert len(lint(script, PROBE)) == 2
    for other in (
        ("'Members'", "'Remove', 'x'"),
        ("[adsi]", "[wmi]"),
        ("./$name,group", "$name"),
        ("$group.ps", "$g.ps"),
    ):
        assert lint(script.replace(*other), PRELUDE)


def test_the_registry_is_opened_for_reading_only() -> None:
    opened = "function Get-Own($base, $path) {{ $base.OpenSubKey($path{}) }}"
    assert lint(opened.format(""), PRELUDE) == []
    assert "for writing" in lint(opened.format(", $true"), PRELUDE)[0].reason


def test_only_the_bootstrap_makes_code_of_a_text() -> None:
    start = "$HcText = $input | Out-String\n& ([ScriptBlock]::Create($HcText))"
    assert lint(start, BOOTSTRAP) == []
    for other in (PROBE, PRELUDE, COLLECTOR):
        assert lint(start, other)


def test_functions_are_found_by_name() -> None:
    assert functions_of("function Get-A($x) { $x }\nfunction B { 1 }") == {"get-a", "b"}


@given(st.text(alphabet=st.sampled_from("$@(){}[]'\"`|&;.,:=-+#\n abSI1"), max_size=60))
@example("$")
@example("@")
@example("${}")
@example("-f")
@example("& ")
@example("[]")
@example("$a = ")
@example("$:")
def test_no_text_breaks_the_lint(text: str) -> None:
    for finding in lint(text, PROBE, KNOWN):
        assert finding.line >= 1
        assert finding.reason


@given(st.sampled_from(sorted(GOOD)), st.sampled_from(sorted(BAD)), st.booleans())
def test_good_company_hides_nothing(good: str, bad: str, first: bool) -> None:
    parts = [GOOD[good], in_an_item(bad)]
    assert lint("\n".join(reversed(parts) if first else parts), PROBE, KNOWN)


@given(st.sampled_from(sorted(GOOD)), st.sampled_from(sorted(GOOD)))
def test_good_scripts_stay_good_together(one: str, other: str) -> None:
    found = lint(f"{GOOD[one]}\n{GOOD[other]}", PROBE, KNOWN)
    assert {it.reason for it in found} <= {"two items of one name"}


@given(st.data())
def test_any_method_that_is_not_listed_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.from_regex(r"[A-Z][a-z]{2,9}", fullmatch=True))
    if name.lower() not in PROBE.methods:
        assert lint(in_an_item(f"(Get-Service x).{name}()"), PROBE, KNOWN)
