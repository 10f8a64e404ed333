"""What every test starts from: a workspace of its own, a known seed, one thread for OpenCV, pytest's own logging."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import pytest
import torch
from hypothesis import settings

# Fixes the kernels of oneDNN before anything convolves. Otherwise the first test file that convolves while it is loaded
# would decide, and a run in this process would not compare, bit for bit, with one in a process started by a test.
import tests.golden  # noqa: F401

if TYPE_CHECKING:
    from selenium import webdriver

# Shared machines are slow at times: a deadline per example would fail tests for no fault of the code.
settings.register_profile("burstlab", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("burstlab")

cv2.setNumThreads(0)


@pytest.fixture(scope="session")
def _session_workspace(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(autouse=True)
def _own_workspace_and_seed(monkeypatch: pytest.MonkeyPatch, _session_workspace: str) -> None:
    """No test writes into the user's workspace, and none depends on which tests ran before it."""
    for key in ("WORKSPACE_DIR", "TENSORBOARD_DIR", "SAVE_DATA_PATH"):
        monkeypatch.setenv(f"BURSTLAB_{key}", _session_workspace)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command line that was tested leaves no handler behind that writes to the captured stderr of its test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def browser() -> "Iterator[webdriver.Chrome]":
    """One headless Chromium for all tests of pages; they are skipped where there is none."""
    from tests.browser import chromium  # most tests need no browser

    with chromium() as driver:
        yield driver
