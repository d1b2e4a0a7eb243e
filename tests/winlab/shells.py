"""The shells of one host: commands that a handler answers, with the limits of a real host."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.winlab.soap import CMD, NS, SHELL, Fault, Message, quota, timed_out

#: The error of `cmd.exe` for a longer command line.
COMMAND_LINE = 8191
_ENCODED = re.compile(r"(?i)-e(?:nc|ncodedcommand|c)?\s+([A-Za-z0-9+/=]+)")
_READS_STDIN = re.compile(r"\$input|Console\]::In|OpenStandardInput|-(?:Command|File|c)\s+-(?:\s|$)")

#: What Windows PowerShell writes to standard error when it loads modules, with exit status 0.
CLIXML_PROGRESS = (
    b'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    b'<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T>'
    b'</TN><MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil />'
    b"<PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj></Objs>"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One command as the host sees it; `script` is the decoded argument of -EncodedCommand, if there is one."""

    command: str
    stdin: bytes
    env: dict[str, str]
    user: str
    codepage: int
    script: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a command writes, and how: after `delay` seconds (infinity: never), `rate` bytes a second, `endless`ly."""

    stdout: bytes = b""
    stderr: bytes = b""
    rc: int = 0
    delay: float = 0.0
    rate: float | None = None
    endless: bool = False


Handler = Callable[[Request], Result]


@dataclass
class Command:
    """One running command of a shell."""

    line: str
    stdin: bytes = b""
    result: Result | None = None
    started: float = 0.0
    sent: dict[str, int] = field(default_factory=lambda: {"stdout": 0, "stderr": 0})

    def ready(self, name: str, now: float) -> bytes:
        """Return what of a stream has been written but not fetched."""
        if self.result is None or now < self.started + self.result.delay:
            return b""
        data: bytes = getattr(self.result, name)
        if self.result.endless and name == "stdout":
            return data
        if self.result.rate is not None:
            data = data[: int((now - self.started - self.result.delay) * self.result.rate)]
        return data[self.sent[name] :]

    def over(self, now: float) -> bool:
        """Say whether everything was written and fetched."""
        result = self.result
        if result is None or result.endless or now < self.started + result.delay:
            return False
        return all(self.sent[name] == len(getattr(result, name)) for name in self.sent)


@dataclass
class Shell:
    """One shell and its commands."""

    user: str
    env: dict[str, str]
    codepage: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    commands: dict[str, Command] = field(default_factory=dict)


class Shells:
    """All shells of one host; `perform` carries out one request and returns the body of its answer, or raises Fault."""

    def __init__(self, handler: Handler, max_shells: int = 30, max_envelope: int = 153600) -> None:
        self.handler = handler
        self.max_shells = max_shells
        self.max_envelope = max_envelope
        self.open: dict[str, Shell] = {}
        self._lock = threading.Lock()

    def perform(self, message: Message, user: str) -> str:
        """Carry out a request of a user who has logged in."""
        if message.resource not in (CMD, ""):
            raise Fault(2150858811, "The resource URI is missing or it has an incorrect format.", "w:InvalidParameter")
        if message.verb == "Create":
            return self._create(message, user)
        shell = self.open.get(message.shell_id)
        if shell is None or shell.user != user:
            words = f"The request for the Windows Remote Shell with ShellId {message.shell_id} failed: not found."
            raise Fault(2150858843, words, "w:InvalidSelectors")
        match message.verb:
            case "Command":
                return self._command(message, shell)
            case "Send":
                return self._send(message, shell)
            case "Receive":
                return self._receive(message, shell)
            case "Signal":
                shell.commands.pop(message.find("rsp:Signal").get("CommandId", ""), None)
                return "<rsp:SignalResponse/>"
            case "Delete":
                with self._lock:
                    self.open.pop(shell.id, None)
                return ""
        raise Fault(2150858752, "The WS-Management service does not support the action.", "w:SchemaValidationError")

    def _create(self, message: Message, user: str) -> str:
        variables = message.root.findall("s:Body/rsp:Shell/rsp:Environment/rsp:Variable", NS)
        env = {each.get("Name", ""): each.text or "" for each in variables}
        with self._lock:
            if sum(shell.user == user for shell in self.open.values()) >= self.max_shells:
                raise quota(self.max_shells)
            shell = Shell(user, env, int(message.options.get("WINRS_CODEPAGE", "437")))
            self.open[shell.id] = shell
        return (
            f"<x:ResourceCreated><a:Address>http://localhost/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>{CMD}"
            f'</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell.id}</w:Selector></w:SelectorSet>'
            f"</a:ReferenceParameters></x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell.id}</rsp:ShellId>"
            f"<rsp:ResourceUri>{CMD}</rsp:ResourceUri><rsp:Owner>{user}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
            "<rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
        )

    def _command(self, message: Message, shell: Shell) -> str:
        asked = message.find("rsp:CommandLine")
        words = [
            asked.findtext("rsp:Command", "", NS),
            *(each.text or "" for each in asked.findall("rsp:Arguments", NS)),
        ]
        command = Command(" ".join(words))
        command_id = asked.get("CommandId") or str(uuid.uuid4()).upper()
        shell.commands[command_id] = command
        cmd_exe = message.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() != "TRUE"
        if cmd_exe and len(command.line) > COMMAND_LINE:
            command.result, command.started = (
                Result(stderr=b"The command line is too long.\r\n", rc=1),
                time.monotonic(),
            )
        # a real process starts at once and waits for its input; the handler is asked when all of it is there
        elif not _READS_STDIN.search(f"{decoded(command.line) or ''} {command.line}"):
            self._start(shell, command)
        return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"

    def _start(self, shell: Shell, command: Command) -> None:
        request = Request(command.line, command.stdin, shell.env, shell.user, shell.codepage, decoded(command.line))
        command.result = self.handler(request)
        command.started = time.monotonic()

    def _send(self, message: Message, shell: Shell) -> str:
        for stream in message.root.findall("s:Body/rsp:Send/rsp:Stream", NS):
            command = _of(shell, stream.get("CommandId", ""))
            command.stdin += base64.b64decode(stream.text or "")
            if stream.get("End", "").lower() in ("true", "1") and command.result is None:
                self._start(shell, command)
        return "<rsp:SendResponse/>"

    def _receive(self, message: Message, shell: Shell) -> str:
        wanted = message.find("rsp:Receive/rsp:DesiredStream")
        command_id, names = wanted.get("CommandId", ""), (wanted.text or "stdout stderr").split()
        command = _of(shell, command_id)
        give_up = time.monotonic() + message.timeout
        while not command.over(now := time.monotonic()) and not any(command.ready(name, now) for name in names):
            if now >= give_up or shell.id not in self.open:
                raise timed_out()
            time.sleep(0.01)
        left = (self.max_envelope - 2048) * 3 // 4
        parts = []
        for name in names:
            piece = command.ready(name, now)[:left]
            if piece:
                left -= len(piece)
                command.sent[name] += len(piece)
                data = base64.b64encode(piece).decode()
                parts.append(f'<rsp:Stream Name="{name}" CommandId="{command_id}">{data}</rsp:Stream>')
        if command.over(now) and command.result is not None:
            parts += [f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"/>' for name in names]
            state, code = "Done", f"<rsp:ExitCode>{command.result.rc}</rsp:ExitCode>"
        else:
            state, code = "Running", ""
        parts.append(
            f'<rsp:CommandState CommandId="{command_id}" State="{SHELL}/CommandState/{state}">{code}</rsp:CommandState>'
        )
        return f"<rsp:ReceiveResponse>{''.join(parts)}</rsp:ReceiveResponse>"


def decoded(line: str) -> str | None:
    """Return the text behind -EncodedCommand, None without one."""
    found = _ENCODED.search(line)
    try:
        return base64.b64decode(found[1]).decode("utf-16-le") if found else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _of(shell: Shell, command_id: str) -> Command:
    if command_id not in shell.commands:
        raise Fault(2150858742, "The specified command was not found.", "w:InvalidSelectors")
    return shell.commands[command_id]
