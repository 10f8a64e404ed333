"""Every block of code in README.md, CONTRIBUTING.md and docs/ runs, shortened, or says why it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.code_blocks.__main__ import run_whole
from tests.code_blocks.material import furnish
from tests.code_blocks.pages import ROOT, Block, all_pages, blocks_of
from tests.code_blocks.run import BlockFailed, files_of_page, run_block

PAGES = {str(page.relative_to(ROOT)): blocks_of(page) for page in all_pages()}
BLOCKS = [block for blocks in PAGES.values() for block in blocks if block.language != "text"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Here every page has a folder in which its commands run; all share a workspace, so none has to run twice."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def _at_place(block: Block, places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In the folder of the block's page, with what its commands take for granted."""
    folder = places / block.page
    folder.mkdir(parents=True, exist_ok=True)
    furnish(folder, block.code, ROOT)
    monkeypatch.chdir(folder)
    for key in ("WORKSPACE_DIR", "TENSORBOARD_DIR", "SAVE_DATA_PATH"):
        monkeypatch.setenv(f"BURSTLAB_{key}", str(places / "workspace"))
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)
    with files_of_page(PAGES[block.page], folder / "files"):
        yield


@pytest.mark.usefixtures("_at_place")
@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_the_block_does_what_its_page_says(block: Block) -> None:
    run_block(block)


def page_of(folder: Path, text: str) -> list[Block]:
    """The blocks of a page with this text."""
    (folder / "page.md").write_text(text, encoding="utf-8")
    return blocks_of(folder / "page.md")


def test_blocks_are_told_from_text_and_lists(tmp_path: Path) -> None:
    text = "Text.\n\n    make test  # runs\n\n- item\n\n    of the item\n\nText\n    goes on\n\n```text\nx\n```\n\n"
    text += "    x = 1\n"
    assert [(block.language, block.line) for block in page_of(tmp_path, text)] == [
        ("bash", 3),
        ("text", 13),
        ("python", 16),
    ]


def test_lines_are_joined_and_comments_are_no_words(tmp_path: Path) -> None:
    (block,) = page_of(tmp_path, "    A=1 python \\\n        x.py 'a b'   # why\n    # alone\n")
    (command,) = block.commands()
    assert (command.words, command.variables) == (("python", "x.py", "a b"), {"A": "1"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    one → two\n", "neither commands nor Python"),
        ("    python no_such_script.py\n", "there is no no_such_script.py"),
        ("```bash\nrm -r x\n```\n", "no such program"),
        ("    make coffee\n", "the Makefile has no coffee"),
        ("    python run_training.py --no_such_option\n", "exit code 2"),
        ("<!-- not run -->\n\n    python run_training.py --list\n", "say why"),
        ("<!-- not run: long -->\n\n    python run_training.py deeprep none\n", "there is no train_settings"),
        ("<!-- not run: long -->\n\n    torchrun --nproc_per_node=2 run_training.py --no_such_option\n", "exit code 2"),
        ("<!-- not run (--check): long -->\n\n    python run_training.py --no_such_option\n", "exit code 2"),
    ],
)
def test_a_block_that_is_wrong_or_unmarked_fails(text: str, said: str, tmp_path: Path) -> None:
    (block,) = page_of(tmp_path, text)
    with pytest.raises(BlockFailed, match=said):
        run_block(block)


def test_python_that_fails_is_seen(tmp_path: Path) -> None:
    block, broken = page_of(tmp_path, "<!-- setup: x = 1 -->\n\n    assert x == 1\n\nText.\n\n    assert y == 1\n")
    run_block(block)
    with pytest.raises(NameError, match="y"):
        run_block(broken)


def test_an_unknown_comment_before_a_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none of: text, not run"):
        page_of(tmp_path, "<!-- skip: slow -->\n\n    make test\n")


def test_every_example_is_short_and_listed() -> None:
    examples = [path for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__"]
    listed = {word for block in PAGES["docs/examples.md"] for command in block.commands() for word in command.words}
    for example in examples:
        assert len(example.read_text(encoding="utf-8").splitlines()) <= 40, example
        assert f"examples.{example.stem}" in listed, f"{example} is not in docs/examples.md"


def test_at_full_length_marked_lines_are_left_out_and_a_failure_is_seen(tmp_path: Path) -> None:
    good, bad, part, file, python = page_of(
        tmp_path,
        "    export X=1\n\nText.\n\n    cd no_such_folder\n\n<!-- not run (no_such): there is none -->\n\n"
        "    cd no_such_folder\n    cd .\n\n<!-- file: made.py -->\n\n    x = 1\n\n<!-- setup: y = 1 -->\n\n"
        "    from made import x; assert x == y\n",
    )
    assert [run_whole(block, tmp_path) for block in (good, bad, part, file, python)] == [True, False, True, True, True]
