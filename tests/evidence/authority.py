"""A time stamp authority of our own: OpenSSL behind an HTTP listener, with certificates made for the test."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_CONFIG = """
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamping]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""

Answer = Callable[[bytes], bytes]


class Authority:
    """Its files stand in `folder`; `ca` is the certificate to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.ca = folder, folder / "ca.pem"
        (folder / "tsa.cnf").write_text(_CONFIG)
        (folder / "serial").write_text("01\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test stamps", "-keyout", "tsa.key",
                      "-out", "tsa.csr")  # fmt: skip
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test CA", "-keyout", "ca.key",
                      "-out", "ca.csr")  # fmt: skip
        sign = ("x509", "-req", "-days", "2", "-sha256", "-extfile", "tsa.cnf")
        self._openssl(*sign, "-in", "ca.csr", "-signkey", "ca.key", "-extensions", "ca", "-out", "ca.pem")
        self._openssl(*sign, "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-extensions", "stamping", "-out", "tsa.pem")  # fmt: skip

    def answer(self, query: bytes) -> bytes:
        """Stamp what is asked for."""
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query", "-inkey",
                      "tsa.key", "-signer", "tsa.pem", "-out", "reply")  # fmt: skip
        return (self.folder / "reply").read_bytes()

    def verifies(self, answer: bytes, data: bytes) -> bool:
        """Whether OpenSSL holds a stamp to be one of this authority over the data."""
        (self.folder / "reply").write_bytes(answer)
        (self.folder / "data").write_bytes(data)
        command = ["openssl", "ts", "-verify", "-data", "data", "-in", "reply", "-CAfile", "ca.pem"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode == 0

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, check=True)


@contextmanager
def listening(answer: Answer) -> Iterator[str]:
    """Answer queries over HTTP inside the block; yields the URL. An exception of `answer` becomes status 500."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            try:
                data, status = answer(query), 200
            except RuntimeError:
                data, status = b"no", 500
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
