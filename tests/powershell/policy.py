"""What PowerShell of ours may say: every name that is not listed here is refused.

A name is added after reading its manual page: it only reads, it asks no other machine, it shows no secret, and what it
answers depends on no language of the host. All names are in lower case, types without `System.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def names(text: str) -> frozenset[str]:
    """Return the words of a text in lower case."""
    return frozenset(text.lower().split())


#: commands that only shape what they are given
_SHAPING = names("""
    Compare-Object ConvertFrom-Csv ConvertFrom-Json ForEach-Object Group-Object Join-Path Measure-Object New-Object
    New-TimeSpan Out-Null Out-String Select-Object Select-String Sort-Object Split-Path Where-Object Write-Output
""")
#: commands that only read this host
_READING = names("""
    Confirm-SecureBootUEFI Convert-Path Get-Acl Get-AppLockerPolicy Get-AppxPackage Get-AuthenticodeSignature
    Get-ChildItem Get-CimAssociatedInstance Get-CimClass Get-CimInstance Get-Command Get-Content Get-Culture Get-Date
    Get-Disk Get-DnsClientServerAddress Get-ExecutionPolicy Get-FileHash Get-HotFix Get-Item Get-LocalGroup
    Get-LocalGroupMember Get-LocalUser Get-Module Get-MpComputerStatus Get-MpPreference Get-NetAdapter
    Get-NetAdapterBinding Get-NetConnectionProfile Get-NetFirewallProfile Get-NetFirewallRule Get-NetFirewallSetting
    Get-NetIPAddress Get-NetTCPConnection Get-NetUDPEndpoint Get-Partition Get-PhysicalDisk Get-PnpDevice Get-Process
    Get-ProcessMitigation Get-ScheduledTask Get-ScheduledTaskInfo Get-Service Get-SmbClientConfiguration
    Get-SmbServerConfiguration Get-SmbShare Get-SmbShareAccess Get-TimeZone Get-TlsCipherSuite Get-Tpm Get-UICulture
    Get-Volume Get-WindowsCapability Get-WindowsFeature Get-WindowsOptionalFeature Get-WinEvent Resolve-Path Test-Path
""")

#: why a command is refused that someone is likely to reach for
REFUSED_COMMANDS: Mapping[str, str] = {
    "get-wmiobject": "use Get-CimInstance",
    "get-itemproperty": "use Registry, which reads the 64-bit view",
    "get-itempropertyvalue": "use Registry, which reads the 64-bit view",
    "get-bitlockervolume": "its objects hold recovery passwords: read Win32_EncryptableVolume",
    "get-eventlog": "use Get-WinEvent",
    "get-credential": "it asks a person",
    "convertto-json": "Item and List write JSON",
    "write-host": "it writes past the section: an Item yields its value",
}
#: parameters (and whatever shortens them) that ask another machine, run beside, change, or name a method
REFUSED_PARAMETERS = names("""
    AsJob CimSession Cn ComputerName Credential Format MemberName OutFile OutVariable Ov Parallel ServerName Session
    UFormat
""")
#: commands that must be told how deep, how many or in which encoding (one of the words), and why
NEEDED_PARAMETERS: Mapping[str, tuple[str, str]] = {
    "convertto-json": ("depth", "deeper objects silently become texts"),
    "get-content": ("encoding", "the host's code page would decide"),
    "get-winevent": ("maxevents listlog", "a log has no end"),
}
#: the one word that a comment must have on a line that hides a failure, with a reason after it
EXCUSE = "# absent is an answer:"

#: types in brackets: casts, checks and parameters; `[scriptblock]` only as the type of a parameter
_TYPES = names("""
    array bool byte char datetime decimal double guid hashtable int int16 int32 int64 long object ordered pscustomobject
    regex sbyte scriptblock single string timespan uint16 uint32 uint64 version void boolean
""")
#: types whose members are all constants
_CONSTANTS = names("""
    datetimekind globalization.cultureinfo cultureinfo stringcomparison stringsplitoptions text.encoding
    security.principal.windowsbuiltinrole security.principal.wellknownsidtype
    microsoft.win32.registryhive microsoft.win32.registryview text.regularexpressions.regexoptions
""")
#: static members by type
_STATICS: Mapping[str, frozenset[str]] = {
    "array": names("indexof"),
    "bitconverter": names("tostring toint16 toint32 toint64 touint16 touint32 touint64"),
    "convert": names("tobase64string"),
    "datetime": names("utcnow fromfiletimeutc specifykind minvalue maxvalue"),
    "environment": names("is64bitoperatingsystem is64bitprocess machinename"),
    "guid": names("empty"),
    "int": names("maxvalue minvalue"),
    "intptr": names("size"),
    "io.path": names("combine getfilename getextension getdirectoryname"),
    "long": names("maxvalue minvalue"),
    "math": names("abs ceiling floor max min truncate"),
    "regex": names("escape ismatch match matches replace split"),
    "security.principal.windowsidentity": names("getcurrent"),
    "string": names("empty isnullorempty isnullorwhitespace join"),
    "timespan": names("fromdays fromhours fromminutes fromseconds zero"),
}
#: what New-Object and ::new() may make
_NEW = names("""
    datetime timespan version text.stringbuilder collections.arraylist collections.generic.list
    collections.generic.hashset collections.generic.dictionary
    security.principal.windowsprincipal security.principal.securityidentifier security.principal.ntaccount
""")
#: methods of objects; those of a collection that change it are listed apart
_METHODS = names("""
    AddDays AddHours AddMinutes AddSeconds AddTicks Append Close CompareTo Contains ContainsKey Dispose EndsWith Equals
    GetBaseException GetBytes GetEnumerator GetString GetType IndexOf IsInRole LastIndexOf PadLeft Replace
    Split StartsWith Substring Subtract ToArray ToBinary ToFileTimeUtc ToLowerInvariant ToString ToUniversalTime
    ToUpperInvariant Translate Trim TrimEnd TrimStart
""")
#: methods that change what they are called on: only on a collection that the script itself made
CONTAINER_METHODS = names("Add AddRange Clear Remove Sort Reverse")
#: methods that compare by the host's culture unless the last argument says how
CULTURED_METHODS = names("EndsWith IndexOf LastIndexOf StartsWith")
#: formats of ToString that no culture changes: round-trip dates, hexadecimal and whole numbers, forms of a GUID
INVARIANT_FORMAT = r"[oOsurRNDBP]|[xXdD]\d*"

#: the aliases of PowerShell 5.1 that people type without thinking
ALIASES = names("""
    % ? ac cat cd chdir clc clear cli copy cp cpi del diff dir echo epcsv erase fc fl foreach ft fw gal gc gci gcm gdr
    gi gl gm gp gps group gsv gu gv gwmi h icm iex ihy ii ipcsv irm iwr kill lp ls man md measure mi mount move mp mv
    ni nv oh ps pwd r rd ren ri rm rmdir rni rp rv sajb sal sasv sc select set si sl sleep sls sort sp spps spsv start
    sv tee type where wget write
""")
#: variables that PowerShell itself sets or heeds; a value given to one of them is lost, or changes something far away
AUTOMATIC = names("""
    $ ? ^ _ args error executioncontext false foreach home host input lastexitcode matches myinvocation
    nestedpromptlevel null pid profile psboundparameters pscmdlet pscommandpath psculture pshome psitem psscriptroot
    psuiculture psversiontable pwd sender shellid stacktrace switch this true
    ofs outputencoding psdefaultparametervalues confirmpreference debugpreference informationpreference
    psmoduleautoloadingpreference verbosepreference whatifpreference
""")
#: methods whose answer is another word in another culture, and what to say instead
REFUSED_METHODS: Mapping[str, str] = {
    "tolower": "the culture decides: use ToLowerInvariant",
    "toupper": "the culture decides: use ToUpperInvariant",
    "invoke": "it calls what cannot be read here",
    "invokemember": "it calls what cannot be read here",
}
#: preferences, and the values that we give them
PREFERENCES: Mapping[str, str] = {
    "erroractionpreference": "'Stop'",
    "progresspreference": "'SilentlyContinue'",
    "warningpreference": "'SilentlyContinue'",
}

#: classes that act when they are read, or ask the whole domain: with the words of which one must stand beside it
CLASSES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "win32_product": ((), "reading it repairs installed packages: read the Uninstall keys"),
    "win32_account": (("localaccount",), "without a filter LocalAccount = TRUE it lists the domain"),
    "win32_group": (("localaccount",), "without a filter LocalAccount = TRUE it lists the domain"),
    "win32_useraccount": (("localaccount",), "without a filter LocalAccount = TRUE it lists the domain"),
    "win32_groupuser": (("groupcomponent", "-inputobject"), "without a group it lists the domain"),
}
#: the sections of a security template, in lower case
POLICY_SECTIONS = frozenset(
    {"event audit", "kerberos policy", "privilege rights", "registry values", "system access", "unicode", "version"}
)


@dataclass(frozen=True)
class Policy:
    """What one kind of script may say besides what all may.

    `exact` holds whole commands, calls, casts and splats, spaces and all, that would be refused and were read by
    people.
    `owned` gives a function static members that nobody else may use; such a function may also loosen
    `$ErrorActionPreference`.
    `emitters` are the functions that write an item (a script without any may print anywhere). `reserved` are the
    parameters of the functions that run a block: the block sees them, not the script's variables of that name.
    """

    commands: frozenset[str] = _SHAPING | _READING
    statics: Mapping[str, frozenset[str]] = field(default_factory=lambda: _STATICS)
    constants: frozenset[str] = _CONSTANTS
    methods: frozenset[str] = _METHODS
    types: frozenset[str] = _TYPES | _CONSTANTS
    new: frozenset[str] = _NEW
    exact: frozenset[str] = frozenset()
    owned: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    emitters: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()


_EMITTERS = names("Item List Registry SecurityPolicy AuditPolicy")
#: a probe's script
PROBE = Policy(
    commands=_SHAPING | _READING | _EMITTERS | names("Get-HcTime Get-HcMembers Get-HcInstances"),
    emitters=_EMITTERS,
    reserved=names("name body"),
)
#: the functions that probes call
PRELUDE = Policy(
    commands=_SHAPING | _READING | names("ConvertTo-Json"),
    methods=_METHODS | names("GetSubKeyNames GetValue GetValueKind GetValueNames OpenSubKey"),
    statics={**_STATICS, "microsoft.win32.registrykey": names("openbasekey")},
    exact=frozenset(
        {
            "& $Body",
            "& $program /export /cfg $path /areas SECURITYPOLICY USER_RIGHTS /log $log /quiet",
            '& $program /backup "/file:$path"',
            '[adsi]"WinNT://./$name,group"',
            "$group.psbase.Invoke('Members')",
            "$member.GetType().InvokeMember('ADsPath', 'GetProperty', $null, $member, $null)",
            "$member.GetType().InvokeMember('Class', 'GetProperty', $null, $member, $null)",
            "$member.GetType().InvokeMember('objectSid', 'GetProperty', $null, $member, $null)",
        }
    ),
    owned={
        "get-hcexport": {
            "io.path": names("gettemppath"),
            "io.file": names("exists readalltext delete"),
            "guid": names("newguid"),
        }
    },
    scopes=names("global script"),
)
#: what runs the sections
COLLECTOR = Policy(
    methods=_METHODS | names("AddScript BeginInvoke BeginStop Clear EndInvoke Flush Invoke WaitOne Write"),
    statics={
        **_STATICS,
        "console": names("openstandardoutput"),
        "environment": names("exit"),
        "powershell": names("create"),
    },
    scopes=names("script"),
)
#: what takes the collector from standard input
BOOTSTRAP = Policy(
    statics={**_STATICS, "scriptblock": names("create")},
    exact=frozenset({"& ([ScriptBlock]::Create($HcText))"}),
)
_FILES = names("""
    appendalltext delete exists getattributes move open readalllines readalltext writealltext
""")
#: what changes a host, and puts it back: read line by line, because no list says whether a change is right
GUARD = Policy(
    commands=_SHAPING
    | _READING
    | names("""
        Add-MpPreference Get-NetFirewallAddressFilter Get-NetFirewallPortFilter Register-ScheduledTask
        Remove-MpPreference Remove-NetFirewallRule Restart-Service Set-MpPreference Set-NetFirewallProfile
        Set-NetFirewallRule Set-SmbClientConfiguration Set-SmbServerConfiguration Start-Service Start-Sleep Stop-Service
        Unregister-ScheduledTask
    """),
    methods=_METHODS
    | names("""
        ComputeHash CreateSubKey DeleteSubKey DeleteValue Flush GetAccessRules GetOwner GetValue GetValueKind
        GetValueNames OpenSubKey SetSecurityDescriptorSddlForm SetValue ToCharArray Write
    """),
    statics={
        **_STATICS,
        "array": names("sort"),
        "console": names("openstandardoutput"),
        "convert": names("frombase64string tobase64string toint32"),
        "environment": names("getfolderpath is64bitoperatingsystem systemdirectory"),
        "guid": names("newguid"),
        "io.directory": names("createdirectory delete exists getaccesscontrol getdirectories getfiles move"),
        "io.file": _FILES,
        "microsoft.win32.registrykey": names("openbasekey"),
        "security.cryptography.sha256": names("create"),
        "security.securityelement": names("escape"),
    },
    constants=_CONSTANTS | names("io.fileattributes stringcomparer"),
    types=_TYPES | _CONSTANTS | names("io.ioexception"),
    new=_NEW | names("security.accesscontrol.directorysecurity"),
    exact=frozenset(
        {
            # programs of Windows by their full path, each named where it is called
            '& "$([Environment]::SystemDirectory)\\$Name.exe" $Words',
            # one of the preferences that the controller has named
            "@change",
            # the run's own key only, in the 64-bit view
            "(Get-HcHive).OpenSubKey($path, $true)",
        }
    ),
    owned={"invoke-hcprogram": {}},
    scopes=names("global"),
)
#: what reads the guard's program, and calls one function of it
GUARD_HEAD = Policy(
    commands=names("Invoke-HcGuard"),
    statics={**_STATICS, "scriptblock": names("create")},
    exact=frozenset({". ([ScriptBlock]::Create($HcProgram))"}),
)
