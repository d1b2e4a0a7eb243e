"""The yardstick: paramiko alone, tuned the same way, one exec of the same script per host, the answer thrown away.

python -m benchmarks.bare INVENTORY KNOWN_HOSTS KEY USER SCRIPT < (one address a line)
"""

from __future__ import annotations

import base64
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

COMMAND = "sudo -n /bin/sh -s"


def known(path: str) -> dict[str, bytes]:
    """Return the pinned key of each address; a dict, because paramiko's own reader takes quadratic time."""
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {name: base64.b64decode(words[2]) for words in lines if len(words) >= 3 for name in words[0].split(",")}


def ask(address: str, user: str, key: paramiko.PKey, pinned: bytes, script: bytes) -> int:
    """Run the script on one host and return how many bytes came back."""
    transport = paramiko.Transport(socket.create_connection((address, 22), timeout=30))
    try:
        options = transport.get_security_options()
        options.ciphers = ["aes128-gcm@openssh.com"]
        options.kex = ["curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"]
        transport.start_client(timeout=30)
        if transport.get_remote_server_key().asbytes() != pinned:
            raise SystemExit(f"{address}: wrong host key")
        transport.auth_publickey(user, key)
        channel = transport.open_session()
        channel.exec_command(COMMAND)
        channel.sendall(script)
        channel.shutdown_write()
        total = 0
        while data := channel.recv(65536):
            total += len(data)
        return total
    finally:
        transport.close()


def main() -> None:
    """Ask every host of standard input, 50 at a time."""
    known_hosts, key_file, user, script_file = sys.argv[1:5]
    pins, key = known(known_hosts), paramiko.Ed25519Key.from_private_key_file(key_file)
    script = Path(script_file).read_bytes()
    addresses = sys.stdin.read().split()
    with ThreadPoolExecutor(50) as pool:
        sizes = list(pool.map(lambda address: ask(address, user, key, pins[address], script), addresses))
    print(min(sizes), max(sizes))


if __name__ == "__main__":
    main()
