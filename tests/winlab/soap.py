"""WS-Management messages (DSP0226, MS-WSMV): what a request asks for, and envelopes for answers and faults."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "wsmid": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
}
SHELL = NS["rsp"]
CMD = SHELL + "/cmd"
_SECONDS = re.compile(r"PT(?:(\d+)M)?(?:([\d.]+)S)?")


class Fault(Exception):
    """What a host says instead of an answer: the WSManFault code of wsmerror.h, words, a subcode, an HTTP status."""

    def __init__(self, code: int, words: str, subcode: str = "w:InternalError", http: int = 500) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.subcode = subcode
        self.http = http


def access_denied() -> Fault:
    """Return what an account without rights on the host gets."""
    return Fault(5, "Access is denied.", "w:AccessDenied")


def timed_out() -> Fault:
    """Return what a Receive gets that has nothing to tell within its OperationTimeout."""
    words = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
    return Fault(2150858793, words, "w:TimedOut")


def quota(shells: int) -> Fault:
    """Return what the shell after the last allowed one gets."""
    words = f"This user is allowed a maximum number of {shells} concurrent shells, which has been exceeded."
    return Fault(2150859173, words, "w:QuotaLimit")


@dataclass(frozen=True, slots=True)
class Message:
    """One request: its verb (`Create`, `Receive`, ...), its header fields and its body."""

    root: ET.Element
    action: str
    message_id: str
    resource: str
    shell_id: str
    timeout: float
    options: dict[str, str]

    @classmethod
    def parse(cls, body: bytes) -> Message:
        """Take a request apart; raises ParseError."""
        root = ET.fromstring(body)

        def field(name: str) -> str:
            return (root.findtext(f"s:Header/{name}", "", NS) or "").strip()

        selectors = root.findall("s:Header/w:SelectorSet/w:Selector", NS)
        options = root.findall("s:Header/w:OptionSet/w:Option", NS)
        length = _SECONDS.fullmatch(field("w:OperationTimeout"))
        return cls(
            root=root,
            action=field("a:Action"),
            message_id=field("a:MessageID"),
            resource=field("w:ResourceURI"),
            shell_id=next((each.text or "" for each in selectors if each.get("Name") == "ShellId"), ""),
            timeout=60 * int(length[1] or 0) + float(length[2] or 0) if length else 60.0,
            options={each.get("Name", ""): each.text or "" for each in options},
        )

    @property
    def verb(self) -> str:
        """The last word of the action."""
        return self.action.rsplit("/", 1)[-1] or ("Identify" if self.identify else "")

    @property
    def identify(self) -> bool:
        """Whether it only asks what answers here."""
        return self.root.find("s:Body/wsmid:Identify", NS) is not None

    def find(self, path: str) -> ET.Element:
        """Return an element of the body."""
        found = self.root.find(f"s:Body/{path}", NS)
        if found is None:
            raise Fault(2150858817, f"The message lacks {path}.", "w:SchemaValidationError")
        return found


def envelope(action: str, relates_to: str, body: str) -> bytes:
    """Return an answer."""
    names = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NS.items() if prefix not in ("f", "wsmid"))
    return (
        f'<s:Envelope xml:lang="en-US" {names}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
        f"<a:RelatesTo>{relates_to}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault(problem: Fault, relates_to: str) -> bytes:
    """Return the answer that tells a fault."""
    words = escape(problem.words)
    body = (
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{problem.subcode}</s:Value></s:Subcode>"
        f'</s:Code><s:Reason><s:Text xml:lang="en-US">{words}</s:Text></s:Reason><s:Detail><f:WSManFault '
        f'xmlns:f="{NS["f"]}" Code="{problem.code}" Machine="localhost"><f:Message>{words}</f:Message></f:WSManFault>'
        "</s:Detail></s:Fault>"
    )
    return envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", relates_to, body)


def identity(vendor: str = "Microsoft Corporation") -> bytes:
    """Return what Identify gets."""
    return (
        f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:wsmid="{NS["wsmid"]}"><s:Header/><s:Body><wsmid:IdentifyResponse>'
        f"<wsmid:ProtocolVersion>{NS['w']}</wsmid:ProtocolVersion><wsmid:ProductVendor>{vendor}</wsmid:ProductVendor>"
        "<wsmid:ProductVersion>OS: 10.0.17763 SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse>"
        "</s:Body></s:Envelope>"
    ).encode()
