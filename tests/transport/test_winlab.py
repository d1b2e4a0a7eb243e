"""The test server itself, in what pywinrm never asks of it."""

from __future__ import annotations

import base64
import http.client

import spnego

from tests.winlab.lab import PASSWORD, USER, Lab
from tests.winlab.soap import NS


def test_spnego_wraps_ntlm(lab: Lab) -> None:
    server = lab.serve()
    options = spnego.NegotiateOptions.use_negotiate
    client = spnego.client(USER, PASSWORD, hostname="desk", service="http", protocol="negotiate", options=options)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    answer = None
    token = client.step()
    while token:
        words = base64.b64encode(token).decode()
        connection.request("POST", "/wsman", b"", {"Authorization": f"Negotiate {words}", "Content-Length": "0"})
        answer = connection.getresponse()
        answer.read()
        told = (answer.headers["WWW-Authenticate"] or "").partition(" ")[2]
        token = client.step(base64.b64decode(told)) if told else None
    connection.close()

    assert answer is not None
    assert (answer.status, client.complete) == (200, True)
    assert lab.domain.accepted == {USER: 1}


def test_identify_needs_no_login(lab: Lab) -> None:
    server = lab.serve()
    body = (
        f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:wsmid="{NS["wsmid"]}"><s:Header/><s:Body><wsmid:Identify/></s:Body>'
        "</s:Envelope>"
    )
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/wsman", body, {"WSMANIDENTIFY": "unauthenticated"})
    answer = connection.getresponse()

    assert (answer.status, b"Microsoft Corporation" in answer.read()) == (200, True)
    assert lab.domain.attempts == 0
    connection.close()


def test_unencrypted_messages_are_refused_as_by_a_host_that_was_not_loosened(lab: Lab) -> None:
    server = lab.serve(schemes=("basic",))
    words = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/wsman", "<x/>", {"Authorization": f"Basic {words}"})

    assert connection.getresponse().status == 500
    connection.close()
