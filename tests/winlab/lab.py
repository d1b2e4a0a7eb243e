"""Windows hosts for one test: a domain with one account, a certificate authority, any number of listeners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hardencheck.model.host import Host, Secret, WinRm
from hardencheck.model.outcome import Platform
from hardencheck.transport.guard import CredentialGuard
from hardencheck.transport.winrm import WinRmTransport
from tests.winlab.certificates import Authority, Pair
from tests.winlab.domain import Domain
from tests.winlab.server import Options, WsmanServer
from tests.winlab.shells import Handler, Request, Result

PRINCIPAL = "audit@LAB.EXAMPLE"
USER, PASSWORD = "LAB\\audit", "P@ss w0rd"


def echo(request: Request) -> Result:
    """Answer with what came on standard input."""
    return Result(stdout=request.stdin)


class Lab:
    """The hosts of one test; `host` describes one of them as an inventory would."""

    def __init__(self, folder: Path, domain: Domain, stack: ExitStack) -> None:
        self.domain = domain
        self.authority = Authority(folder)
        self._folder = folder
        self._stack = stack

    def another_authority(self) -> Authority:
        """Return an authority that nobody trusts."""
        return Authority(self._folder, "Other CA")

    def serve(
        self, handler: Handler = echo, *, tls: bool = False, pair: Pair | None = None, **options: Any
    ) -> WsmanServer:
        """Start a listener, inside TLS with a certificate that is fine unless `pair` is another; see Options."""
        pair = self.authority.issue() if tls else pair
        return self._stack.enter_context(WsmanServer(handler, self.domain, Options(**{"tls": pair, **options})))

    def host(self, server: WsmanServer, **settings: Any) -> Host:
        """Describe a listener; settings are those of Host and of WinRm."""
        scheme = "https" if server.options.tls else "http"
        own = {name: settings.pop(name) for name in list(settings) if name in WinRm.__dataclass_fields__}
        winrm = WinRm(**{"scheme": scheme, "ca": str(self.authority.path), **own})
        account = {"user": USER, "password": Secret(PASSWORD), **settings}
        base: dict[str, Any] = {"platform": Platform.WINDOWS, "connection": "winrm", "winrm": winrm}
        return Host(account.pop("name", "desk"), "127.0.0.1", server.port, **base, **account)


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    """Provide a lab, whose one account has a name of either form; all its listeners end with it."""
    with ExitStack() as stack:
        yield Lab(folder, stack.enter_context(Domain({USER: PASSWORD, PRINCIPAL: PASSWORD})), stack)


@contextmanager
def reaching() -> Iterator[WinRmTransport]:
    """Provide a transport, which leaves no thread and no descriptor of its own behind."""
    transport = WinRmTransport(CredentialGuard())
    yield transport
    transport.close()
