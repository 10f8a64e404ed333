"""A headless Chromium for tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 30.0  # seconds, for a busy machine; reached only where something is broken
NEEDED = "NEED_BROWSER"  # set where tests must not be skipped


def skip_reason() -> str | None:
    """Why no page can be tested here; None if it can."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        return "no chromium and chromedriver here; on Debian: apt-get install chromium chromium-driver"
    return None


@contextmanager
def chromium(width: int = 1200, height: int = 720) -> Iterator[webdriver.Chrome]:
    """A browser of its own profile; skips the test where there is none, unless the environment forbids that."""
    reason = skip_reason()
    if reason is not None:
        if os.environ.get(NEEDED):
            pytest.fail(reason)
        pytest.skip(reason)
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--force-device-scale-factor=1"]
    arguments += [f"--window-size={width},{height}", "--disable-background-networking", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to be its own jail keeper as root, which containers are
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """A comparison page in a browser."""

    def __init__(self, driver: webdriver.Chrome, index: Path) -> None:
        self.driver, self.index = driver, index

    def open(self, fragment: str = "") -> Page:
        """Opens it anew, and waits until its pictures are there."""
        self.driver.get("about:blank")  # otherwise a change of the fragment would not load it again
        self.driver.get_log("browser")
        self.driver.get(self.index.as_uri() + fragment)
        self.wait("burstlab.contents && burstlab.panes().every(({label}) => burstlab.labelled(label)?.complete)")
        return self.settle()

    def run(self, script: str, *arguments: Any) -> Any:
        """What a JavaScript expression is worth."""
        return self.driver.execute_script(f"return ({script});", *arguments)

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.02).until(lambda _: self.run(condition), condition)

    def settle(self) -> Page:
        """Until the shown images are loaded and everything that follows from the last change is drawn and measured."""
        self.wait("burstlab.state.shown.every((label) => burstlab.labelled(label)?.complete ?? true)")
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        self.wait("!burstlab.measuring")
        return self

    def press(self, *keys: str) -> Page:
        """Presses keys one after the other, wherever the focus is."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()
        return self.settle()

    def state(self, name: str) -> Any:
        """A field of the shown state."""
        return self.run(f"burstlab.state.{name}")

    def texts(self, selector: str) -> Sequence[str]:
        """The texts of all elements that a CSS selector names."""
        return self.run("[...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())", selector)

    def errors(self) -> list[str]:
        """What the browser complained about since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def pixel(self, pane: int, column: int, row: int) -> list[int]:
        """Red, green, blue on the screen in the middle of a pixel of the image."""
        script = """((canvas) => {
          const { zoom, left, top } = burstlab.placement(canvas);
          const at = [left + (arguments[1] + 0.25) * zoom, top + (arguments[2] + 0.25) * zoom].map(Math.floor);
          return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
        })(burstlab.panes()[arguments[0]].canvas)"""
        return self.run(script, pane, column, row)
