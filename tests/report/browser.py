"""A headless Chromium, spoken to over two pipes (Chrome DevTools Protocol): what it shows, asks for, complains of."""

from __future__ import annotations

import base64
import json
import os
import select
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.tools import need_program

PROGRAM = "chromium-headless-shell"
#: seconds without a word after which a browser is taken for dead
PATIENCE = 120
UNFOLD = "document.querySelectorAll('details').forEach(folded => { folded.open = true })"
#: how far the page is wider than the window
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: the least contrast (WCAG 2.2) of any text that can be seen with what is behind it, and the text
CONTRAST = """(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  let least = [99, ''];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < least[0]) least = [contrast, element.className + ': ' + texts.currentNode.data];
  }
  return least;
})()"""


class Browser:
    """One page of one browser; `events` is all that was reported since it was opened."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers, self._rest, self._number = commands, answers, b"", 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        request |= {"sessionId": self._session} if self._session else {}
        os.write(self._commands, json.dumps(request).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self.events.append(message)

    def open(self, path: Path) -> None:
        """Open a file and wait until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self.named():
            self.events.append(self._message())

    def run(self, expression: str) -> Any:
        """Return what a JavaScript expression gives in the page; the page's policy does not hold for it."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def show(self, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Set the width of the window in CSS pixels, the colour scheme and the medium."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def screenshot(self, top: int = 0, height: int = 1800) -> bytes:
        """Return a PNG image of a part of the page."""
        width = self.run("document.documentElement.clientWidth")
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed, by its own page size."""
        self.call("Emulation.setEmulatedMedia", media="")
        printed = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(printed["data"])

    def close(self) -> None:
        """End the browser and wait until it has written its files."""
        self._session = None
        self.call("Browser.close")
        while os.read(self._answers, 1 << 20):
            pass

    def named(self) -> list[str]:
        """Return the names of all that was reported."""
        return [event.get("method", "") for event in self.events]

    def requested(self) -> list[str]:
        """Return every address that was asked for."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def complaints(self) -> list[dict[str, Any]]:
        """Return what a developer would see in the console: errors, violations, dialogs, thrown exceptions."""
        wanted = {
            "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded",
            "Page.javascriptDialogOpening",
        }  # fmt: skip
        return [event for event in self.events if event.get("method") in wanted]

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._answers], [], [], PATIENCE)[0], "the browser says nothing"
            read = os.read(self._answers, 1 << 20)
            assert read, "the browser ended"
            self._rest += read
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Run a browser that reaches no network, and end it; `profile` is a folder for its files."""
    need_program(PROGRAM)
    theirs_in, commands = os.pipe()
    answers, theirs_out = os.pipe()
    arguments = [
        PROGRAM, "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9", f"--user-data-dir={profile}",
    ]  # fmt: skip
    # the browser reads commands from its descriptor 3 and answers on 4
    shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    running = subprocess.Popen(
        ["bash", "-c", shell, "bash", *arguments], pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        page = Browser(commands, answers)
        yield page
        page.close()
    finally:
        running.terminate()
        running.wait(30)
        os.close(commands)
        os.close(answers)


def colours(image: bytes) -> int:
    """Return how many different lines of pixels a PNG image has: an empty page has one."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    packed, place = b"", 8
    while place < len(image):
        size, kind = struct.unpack(">I4s", image[place : place + 8])
        packed += image[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += size + 12
    width, height = struct.unpack(">II", image[16:24])
    pixels = zlib.decompress(packed)
    step = len(pixels) // height
    assert step >= width * 3
    return len({pixels[at : at + step] for at in range(0, len(pixels), step)})
