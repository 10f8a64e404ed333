"""The result viewer without a display: keys, mouse, what is drawn, and the window around it."""

import json
import socket
import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import opencv_plotting
from utils.image_io import read_image
from utils.opencv_plotting import BurstSRVis, NoDisplay
from utils.viewer import drawing, layout
from utils.viewer.saving import file_name
from utils.viewer.viewer import Region, Viewer

HEIGHT, WIDTH = 40, 60


def pictures(count=3, height=HEIGHT, width=WIDTH):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def data(count=3, **size):
    return {"images": pictures(count, **size), "titles": [f"t{index}" for index in range(count)]}


def viewer(count=3, **options):
    made = Viewer(**options)
    made.show(data(count))
    return made


def point(shown, x, y, place=0, pane=0):
    """The middle of a pixel of an image on the screen."""
    where = shown.panes[pane]
    box = where.image_box(place)
    return box.left + int((x + 0.5) * where.factor), box.top + int((y + 0.5) * where.factor)


def choose(shown, first, second):
    shown.mouse("down", *point(shown, *first))
    shown.mouse("down", *point(shown, *second))


def mean_error(image, metric_truth):
    return (image - metric_truth).abs().mean()


def drawn(shown, pane, place):
    """An image as it stands on the screen, brought back to its own size."""
    box = shown.panes[pane].image_box(place)
    part = drawing.screen(shown)[box.top : box.bottom, box.left : box.right]
    size = shown.shown()[pane].images[place].shape
    return cv2.resize(part, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)


@given(corners=st.lists(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)), min_size=2, max_size=2))
@settings(max_examples=25, deadline=None)
def test_two_clicks_in_any_order_choose_a_region_inside_the_image(corners):
    shown = viewer()
    choose(shown, *corners)
    region = shown.region
    assert 0 <= region.c1 < region.c2 <= WIDTH
    assert 0 <= region.r1 < region.r2 <= HEIGHT
    (x1, x2), (y1, y2) = (sorted(values) for values in zip(*corners, strict=True))
    # The second corner is counted from the first click in whole pixels, so it may be one short.
    assert max(abs(region.c1 - x1), abs(region.r1 - y1)) <= 1
    assert max(abs(region.c2 - max(x2, x1 + 1)), abs(region.r2 - max(y2, y1 + 1))) <= 1


def test_a_second_click_outside_the_image_ends_at_its_edge():
    shown = viewer()
    shown.mouse("down", *point(shown, 50, 30))
    shown.mouse("down", 5000, 3000)
    assert shown.region == Region(30, HEIGHT, 50, WIDTH)
    choose(shown, (50, 30), (50, 30))
    shown.mouse("down", *point(shown, 5, 3))
    shown.mouse("down", -5000, -3000)
    assert shown.region == Region(0, 3, 0, 5)


def test_the_zoom_pane_shows_the_region_of_every_image_and_all_images_are_marked():
    shown = viewer()
    before = drawing.screen(shown)
    choose(shown, (10, 8), (30, 20))
    for place, image in enumerate(pictures()):
        zoomed = shown.shown()[1].images[place]
        assert np.array_equal(zoomed, shown.region.cut(image))
        box = shown.panes[0].image_box(place)
        marked = np.s_[box.top : box.bottom, box.left : box.right]
        red = (drawing.screen(shown)[marked] == (0, 0, 255)).all(axis=2) & (before[marked] != (0, 0, 255)).any(axis=2)
        assert red.sum() > 100
    crop = drawn(shown, 1, 2)[4:-4, 2:-2]  # without the texts
    assert np.array_equal(crop, shown.region.cut(pictures()[2])[4:-4, 2:-2])


def test_while_a_region_is_chosen_only_the_clicked_image_has_a_rectangle():
    shown = viewer()
    shown.mouse("down", *point(shown, 10, 8, place=1))
    assert shown.mouse("move", *point(shown, 30.2, 25.2, place=1))
    assert (shown.clicked_image, shown.corners) == (1, ((10, 8), (30, 25)))
    marked = [
        (drawing.screen(shown)[box.top : box.bottom, box.left : box.right] == (0, 0, 255)).all(axis=2).sum()
        for box in map(shown.panes[0].image_box, range(3))
    ]
    assert marked[1] > 100 > max(marked[0], marked[2])
    shown.key("r")
    assert (shown.mode, shown.corners, shown.region) == ("idle", None, None)


def test_dragging_moves_the_region_against_the_mouse_and_never_out_of_the_image():
    shown = viewer()
    choose(shown, (10, 8), (30.2, 20.2))
    assert shown.region == Region(8, 20, 10, 30)
    x, y = point(shown, 5, 5, pane=1)
    factor = shown.panes[1].factor
    shown.mouse("down", x, y)
    shown.mouse("move", x - int(3.5 * factor), y + int(2.5 * factor))
    assert shown.region == Region(6, 18, 13, 33)
    shown.mouse("move", x - 100_000, y + 100_000)
    assert shown.region == Region(6, 18, 13, 33)
    shown.mouse("up", x, y)
    shown.mouse("move", x - int(9 * factor), y)
    assert shown.region == Region(6, 18, 13, 33), "the button is up"


def test_buttons_hide_panes_and_the_others_share_the_height():
    shown = viewer()
    choose(shown, (10, 8), (30, 20))
    half = shown.panes[0].height
    zoom = layout.button(1)
    shown.mouse("down", zoom.left + 5, zoom.top + 5)
    assert shown.pane_shown == [True, False]
    assert list(shown.shown()) == [0]
    assert shown.panes[0].height >= half
    first = layout.button(0)
    shown.mouse("down", first.left + 5, first.top + 5)
    assert shown.shown() == {}
    assert drawing.screen(shown).shape == (960, 1700, 3)
    shown.mouse("down", zoom.left + 5, zoom.top + 5)
    assert list(shown.shown()) == [1]


def test_more_than_six_images_are_shown_six_by_six():
    shown = viewer(count=8)
    shown.key("w")
    assert shown.shown()[0].indices == (0, 1, 2, 3, 4, 5)
    shown.key("a")
    assert shown.shown()[0].indices == (6, 7)
    shown.key(" ")
    assert shown.shown()[0].indices == (7,)
    shown.key("d")
    assert shown.shown()[0].indices == (0,)


def test_scores_are_against_the_first_image_also_where_one_is_shown_alone():
    shown = viewer(metric=mean_error)
    images = pictures()
    expected = np.abs(images[2].astype(float) - images[0]).mean() / 255
    assert shown.titles()[0] == "t0 Score: "
    assert shown.titles()[2] == f"t2 Score: {expected:.3f}"
    shown.key("w")
    for key in (" ", "d", "d"):
        shown.key(key)
    assert shown.titles() == [f"t2 Score: {expected:.3f}"]


def test_pixels_at_the_border_are_left_out_and_the_callers_images_stay_as_they_are():
    given_data = data()
    copies = [image.copy() for image in given_data["images"]]
    shown = Viewer(boundary_ignore=4)
    shown.show(given_data)
    assert np.array_equal(shown.shown()[0].images[1], copies[1][4:-4, 4:-4])
    assert all(np.array_equal(image, copy) for image, copy in zip(given_data["images"], copies, strict=True))


def test_choices_survive_new_images_unless_these_are_too_small():
    shown = viewer()
    choose(shown, (10, 8), (30, 20))
    for key in ("w", " ", "d"):
        shown.key(key)
    region = shown.region
    shown.show(data())
    assert (shown.region, shown.selected_pane, shown.show_all, shown.image_id) == (region, 0, [False, True], [1, 0])
    shown.show(data(1, height=15, width=20))
    assert (shown.region, shown.image_id) == (None, [0, 0])


def test_several_panes_have_their_own_images_and_the_zoom_shows_the_prediction():
    shown = Viewer(("Burst", "Prediction"), 1, (0.3, 0.4, 0.3))
    shown.show([data(5, height=20, width=20), data(2)])
    assert [pane.count for pane in shown.panes.values()] == [5, 2]
    shown.mouse("down", *point(shown, 5, 5, pane=0))
    assert shown.mode == "idle", "regions are chosen in the prediction pane"
    shown.mouse("down", *point(shown, 5, 5, pane=1))
    shown.mouse("down", *point(shown, 15, 15, pane=1))
    assert len(shown.shown()[2].images) == 2
    with pytest.raises(ValueError, match="data has 1 blocks"):
        shown.show(data())


def test_key_p_saves_images_crops_and_where_they_are(tmp_path):
    shown = viewer(save_results_path=tmp_path)
    shown.key("p")
    assert sorted(path.name for path in (tmp_path / "t0").iterdir()) == ["t0.png", "t1.png", "t2.png"]
    choose(shown, (10, 8), (30, 20))
    shown.key("p")
    assert np.array_equal(read_image(tmp_path / "t0" / "t1.png"), pictures()[1][:, :, ::-1])
    crop = read_image(tmp_path / "t0" / "t1_crop.png")
    assert np.array_equal(crop[::8, ::8], shown.region.cut(pictures()[1])[:, :, ::-1])
    known = json.loads((tmp_path / "t0" / "crop_info.json").read_text())
    assert known == {"r1": 8, "r2": shown.region.r2, "c1": 10, "c2": shown.region.c2}


def test_key_p_without_a_folder_says_so_on_the_screen():
    shown = viewer()
    before = drawing.screen(shown)
    assert shown.key("p") is None
    assert "save_results_path" in shown.message
    assert not np.array_equal(before, drawing.screen(shown))


def test_titles_become_names_that_every_file_system_takes():
    assert file_name("clip/0001: a?") == "clip_0001_ a_"
    assert file_name("..") == "_"


@pytest.mark.parametrize(
    ("options", "shown", "message"),
    [
        ({"display_split": (1.0,)}, data(), "display_split has 1 entries for 1 panes"),
        ({"prediction_block_id": 1}, data(), "prediction_block_id 1"),
        ({}, {"images": [], "titles": []}, "0 images"),
        ({}, {"images": pictures(2), "titles": ["a"]}, "2 images with 1 titles"),
        ({}, {"images": [*pictures(1), *pictures(1, 10, 10)], "titles": ["a", "b"]}, "of sizes"),
        ({"boundary_ignore": 20}, data(), "after cutting 20 pixels"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(options, shown, message):
    with pytest.raises(ValueError, match=message):
        Viewer(**options).show(shown)


class FakeWindow:
    """Stands in for OpenCV's window and plays a script of keys and mouse events."""

    def __init__(self, monkeypatch, events):
        self.events, self.visible = list(events), 1.0
        self.drawn: list[tuple[str, np.ndarray]] = []
        self.callback: Callable[..., object] = print
        monkeypatch.setattr(opencv_plotting, "_why_no_display", lambda: None)
        monkeypatch.setattr(cv2, "namedWindow", lambda *arguments: None)
        monkeypatch.setattr(cv2, "setMouseCallback", lambda name, callback: setattr(self, "callback", callback))
        monkeypatch.setattr(cv2, "imshow", lambda name, image: self.drawn.append((name, image)))
        monkeypatch.setattr(cv2, "waitKey", self.wait)
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *arguments: self.visible)

    def wait(self, milliseconds):
        if not self.events:
            self.visible = 0.0
            return -1
        event = self.events.pop(0)
        if isinstance(event, tuple):
            self.callback(*event, 0, None)
            return -1
        return ord(event)


def test_the_window_plays_keys_and_mouse_and_answers(monkeypatch):
    window = BurstSRVis()
    for key, answer in {"n": "continue", "y": "save", "q": "stop", "b": "back"}.items():
        FakeWindow(monkeypatch, [key])
        assert window.plot(data()) == answer
    start, end = point(window, 10, 8), point(window, 30, 20)
    down = cv2.EVENT_LBUTTONDOWN
    fake = FakeWindow(monkeypatch, [(down, *start), (cv2.EVENT_MOUSEMOVE, *end), (down, *end), "w", "n"])
    assert window.plot(data()) == "continue"
    assert window.region is not None
    assert {name for name, _ in fake.drawn} == {"Display"}
    assert len(fake.drawn) == 5, "drawn once at the start and after every change"
    assert np.array_equal(fake.drawn[-1][1], drawing.screen(window))


def test_a_closed_window_stops(monkeypatch):
    FakeWindow(monkeypatch, [])
    assert BurstSRVis().plot(data()) == "stop"


def test_without_windows_or_a_display_the_reason_is_said(monkeypatch):
    def fail(*arguments):
        raise cv2.error("not implemented")

    monkeypatch.setattr(cv2, "namedWindow", fail)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(NoDisplay, match="headless build"):
        BurstSRVis().plot(data())
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(NoDisplay, match="there is no display"):
        BurstSRVis().plot(data())
    for nowhere in (":4711", "localhost:4711.0", "nonsense"):
        monkeypatch.setenv("DISPLAY", nowhere)
        with pytest.raises(NoDisplay, match=f"DISPLAY is {nowhere}, and nothing answers there"):
            BurstSRVis().plot(data())


def test_a_display_that_answers_is_used(monkeypatch):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X4711")
        server.listen()
        monkeypatch.setenv("DISPLAY", ":4711.0")
        assert opencv_plotting._why_no_display() is None
