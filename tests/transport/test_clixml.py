"""What is left of standard error when PowerShell's records are taken out, wherever it was cut off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.transport.clixml import plain
from tests.winlab.shells import CLIXML_PROGRESS

HEAD = b'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'


@pytest.mark.parametrize(
    ("stderr", "text"),
    [
        (b"", b""),
        (b"plain words\n", b"plain words\n"),
        (CLIXML_PROGRESS, b""),
        (CLIXML_PROGRESS * 3, b""),
        (CLIXML_PROGRESS + b"\r\nnative\r\n" + CLIXML_PROGRESS, b"\r\nnative\r\n"),
        (HEAD + b'<S S="Error">one_x000D__x000A_</S><S S="Error">two &amp; &lt;3&gt;</S></Objs>', b"one\r\ntwo & <3>"),
        (HEAD + b'<S S="verbose">a</S><S S="warning">b</S><S S="debug">c</S><S S="Error">d</S></Objs>', b"d"),
        (HEAD + b'<S S="Error">cut o', b"cut o"),
        (HEAD + b'<Obj S="progress" RefId="0"><MS><PR N="Record"><AV>Prepar', b""),
        (b"#< CLIXML\r\n", b""),
        (HEAD + b'<S S="Error">\xff\xfe</S></Objs>', "��".encode()),
        (HEAD + b'<S S="Error">_xD800_</S></Objs>', b"?"),
    ],
)
def test_only_errors_and_what_was_never_clixml_are_kept(stderr: bytes, text: bytes) -> None:
    assert plain(stderr) == text


@given(st.binary(max_size=300), st.integers(min_value=0, max_value=400))
def test_nothing_makes_it_stumble(noise: bytes, at: int) -> None:
    plain((CLIXML_PROGRESS + HEAD)[:at] + noise)
