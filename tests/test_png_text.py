"""Notes inside PNG files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.png_text import note_of, with_note


def picture() -> bytes:
    return bytes(cv2.imencode(".png", np.arange(48, dtype=np.uint16).reshape(4, 4, 3))[1])


@given(st.text())
def test_a_note_comes_back_and_the_picture_stays(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    noted = with_note(with_note(picture(), "Weights", text), "Other", "…")
    assert note_of(noted, "Weights") == text
    assert note_of(noted, "Other") == "…"
    assert note_of(noted, "Weight") is None
    pixels = np.asarray(cv2.imdecode(np.frombuffer(noted, np.uint8), cv2.IMREAD_UNCHANGED))
    assert np.array_equal(pixels, np.arange(48, dtype=np.uint16).reshape(4, 4, 3))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_damaged_files_have_no_note_or_a_shorter_one(noise: bytes, kept: int) -> None:
    noted = with_note(picture(), "Weights", "some weights")
    assert note_of(noise, "Weights") is None
    found = note_of(noted[:kept] + noise, "Weights")
    assert found is None or isinstance(found, str)
    assert note_of(noted[:8] + b"\xff" * 40, "Weights") is None


@pytest.mark.parametrize("key", ["", "k" * 80, "Größe", "a\0b"])
def test_keys_that_png_does_not_allow_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key of a note"):
        with_note(picture(), key, "text")


def test_other_files_are_refused() -> None:
    with pytest.raises(ValueError, match="no PNG file"):
        with_note(b"GIF89a" + bytes(40), "Weights", "text")
