"""The yardstick for Windows hosts: pywinrm as its manual says, one shell, the same script, the same bytes back.

python -m benchmarks.bare_winrm SCRIPT < ports     listeners on 127.0.0.1; the account of benchmarks.windows
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from winrm.protocol import Protocol

from benchmarks.windows import PASSWORD, USER
from hardencheck.transport.bootstrap import encoded

WORKERS = 50


def ask(port: str, script: bytes) -> int:
    """Run the script on one host and return how many bytes it wrote."""
    protocol = Protocol(
        f"http://127.0.0.1:{port}/wsman",
        transport="ntlm",
        username=USER,
        password=PASSWORD,
        message_encryption="always",
    )
    shell = protocol.open_shell(codepage=65001)
    try:
        options = ["-NoProfile", "-NonInteractive", "-EncodedCommand", encoded()]
        command = protocol.run_command(shell, "powershell.exe", options, console_mode_stdin=False)
        protocol.send_command_input(shell, command, script, end=True)
        output, _, _ = protocol.get_command_output(shell, command)
    finally:
        protocol.close_shell(shell)
    return len(output)


def main() -> None:
    """Ask every listener, as many at once as a sweep does."""
    script, ports = Path(sys.argv[1]).read_bytes(), sys.stdin.read().split()
    with ThreadPoolExecutor(min(WORKERS, len(ports))) as pool:
        assert all(pool.map(lambda port: ask(port, script), ports))


if __name__ == "__main__":
    main()
