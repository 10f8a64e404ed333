"""Settings: plain attributes, defaults, and values pinned on the command line."""

from __future__ import annotations

import copy
import pickle

import pytest

from admin.settings import OPTIONS, Settings


def test_settings_have_defaults_and_folders() -> None:
    settings = Settings()
    assert settings.use_gpu is True
    assert settings.seed == 0
    assert settings.check_only is False
    assert settings.print_interval == 10
    assert settings.env.workspace_dir
    assert all(option.description for option in OPTIONS.values())


def test_pinned_values_win_over_the_settings_file() -> None:
    settings = Settings(pinned={"batch_size": 2, "use_gpu": False, "crop_sz": (96, 64)})
    settings.batch_size = 16
    settings.crop_sz = 384
    settings.gamma = 0.2
    assert (settings.batch_size, settings.use_gpu, settings.crop_sz, settings.gamma) == (2, False, (96, 64), 0.2)
    settings.check_pinned()


@pytest.mark.parametrize("pinned", [{}, {"project_path": "mylab/try"}])
def test_a_part_of_a_run_has_a_folder_of_its_own_below_it(pinned: dict[str, str]) -> None:
    settings = Settings(pinned)
    settings.project_path = "mylab/try"
    assert settings.below("first").project_path == "mylab/try/first"
    assert settings.project_path == "mylab/try"


def test_an_unknown_pinned_name_is_refused_with_the_nearest_known_ones() -> None:
    settings = Settings(pinned={"batch_sise": 2})
    settings.batch_size = 16
    with pytest.raises(ValueError, match=r"batch_sise.*batch_size"):
        settings.check_pinned()


@pytest.mark.parametrize(("pinned", "assigned"), [("many", 16), (3, "resnet"), ("yes", True), (1, False)])
def test_a_pinned_value_of_another_kind_is_refused(pinned: object, assigned: object) -> None:
    settings = Settings(pinned={"thing": pinned})
    with pytest.raises(ValueError, match="setting thing = "):
        settings.thing = assigned


@pytest.mark.parametrize(
    "pinned",
    [{"compile": "false"}, {"deterministic": 1}, {"max_epochs": "ten"}, {"ema_decay": "abc"}, {"seed": "x"}],
)
def test_an_option_of_another_kind_is_refused_also_where_no_settings_file_assigns_it(pinned: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"setting {next(iter(pinned))} = "):
        Settings(pinned)


@pytest.mark.parametrize("name", ["env", "pinned", "plain"])
def test_what_is_no_setting_cannot_be_pinned(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings({name: "text"})


def test_whole_numbers_may_stand_for_fractions() -> None:
    settings = Settings(pinned={"gamma": 1})
    settings.gamma = 0.2
    assert settings.gamma == 1


def test_a_name_nobody_set_is_an_attribute_error_with_a_suggestion() -> None:
    settings = Settings()
    with pytest.raises(AttributeError, match=r"descripton.*description"):
        settings.descripton  # noqa: B018
    assert not hasattr(settings, "crop_sz")


def test_settings_can_be_copied_and_pickled() -> None:
    settings = Settings(pinned={"seed": 3})
    settings.batch_size = 4
    for other in (copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):
        other.seed = 9
        assert (other.seed, other.batch_size) == (3, 4)


def test_plain_settings_hold_only_plain_values() -> None:
    settings = Settings()
    settings.thing = object
    settings.params = {"sizes": (1, 2), "deep": [{"x": None}]}
    plain = settings.plain()
    assert plain["params"] == {"sizes": (1, 2), "deep": [{"x": None}]}
    assert plain["thing"] == str(object)
    assert plain["env"]["workspace_dir"] == settings.env.workspace_dir
    assert "pinned" not in plain
