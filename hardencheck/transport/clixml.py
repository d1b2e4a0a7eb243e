"""What Windows PowerShell writes to standard error in place of text: CLIXML (MS-PSRP), of which only errors matter."""

from __future__ import annotations

import re
from xml.sax.saxutils import unescape

_BLOCK = re.compile(rb"(?:#< CLIXML\r?\n?)?<Objs\b.*?(?:</Objs>|\Z)|#< CLIXML\r?\n?", re.DOTALL)
_ERROR = re.compile(rb'<S S="Error">([^<]*)')
_SIGN = re.compile("_x([0-9A-Fa-f]{4})_")


def plain(stderr: bytes) -> bytes:
    """Return standard error without progress, verbose, warning and debug records, and with errors as plain text.

    It may be cut off anywhere. What is not CLIXML stays as it is.
    """
    return _BLOCK.sub(_errors, stderr)


def _errors(block: re.Match[bytes]) -> bytes:
    return b"".join(_text(error) for error in _ERROR.findall(block[0]))


def _text(data: bytes) -> bytes:
    text = unescape(data.decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
    return _SIGN.sub(lambda sign: chr(int(sign[1], 16)), text).encode("utf-8", "replace")
