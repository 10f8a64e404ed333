"""Data sets of clips: REDS as folders and as LMDB, real bursts, folders of frames; errors that say the way out."""

import pickle
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

from admin.data_locations import MissingDataSet
from dataset import REDS, ClipFolder, SCBurst, Videezy4K
from tests.fabricated import reds, sc_burst
from util_scripts.create_lmdb import create_lmdb, main
from utils.image_io import UnreadableImage, write_image
from utils.safe_pickle import UnreadablePickle


@pytest.fixture
def reds_folder(tmp_path):
    return reds(tmp_path / "REDS", train=("000", "001", "002"), validation=("000", "029"), frames=3)


def test_validation_clips_go_on_where_the_training_clips_end_and_reds4_is_held_out(reds_folder):
    assert REDS(reds_folder, "all").clip_list == ["000", "001", "002", "240", "269"]
    assert REDS(reds_folder, "train").clip_list == ["001", "002", "240", "269"]
    assert REDS(reds_folder, "reds4").clip_list == ["000"]
    with pytest.raises(ValueError, match="did you mean 'train'"):
        REDS(reds_folder, "tran")


def test_archives_may_lie_one_folder_deeper_or_be_regrouped_already(reds_folder, tmp_path):
    (tmp_path / "deep" / "train").mkdir(parents=True)
    (reds_folder / "train_sharp").rename(tmp_path / "deep" / "train" / "train_sharp")
    assert REDS(tmp_path / "deep", "all").clip_list == ["000", "001", "002"]
    assert REDS(tmp_path / "deep" / "train" / "train_sharp", "all").clip_list == ["000", "001", "002"]


def test_a_folder_without_clips_of_the_split_says_what_is_there(tmp_path):
    only_one = reds(tmp_path, train=("007",), validation=())
    with pytest.raises(MissingDataSet, match="no clips for split='reds4', but 007"):
        REDS(only_one, "reds4")


def test_lmdb_and_folders_hold_the_same_frames_in_every_process(reds_folder, tmp_path):
    create_lmdb(reds_folder, tmp_path / "reds.lmdb")
    folders, store = REDS(reds_folder, "all"), REDS(tmp_path / "reds.lmdb", "all")
    assert store.clip_list == folders.clip_list
    for clip in range(len(folders)):
        assert store.frame_names(clip) == folders.frame_names(clip)
        for ours, theirs in zip(store.get_frames(clip, [0, 2]), folders.get_frames(clip, [0, 2]), strict=True):
            assert np.array_equal(ours, theirs)
    with get_context("fork").Pool(1) as pool:
        (frame,) = pool.apply(store.get_frames, (1, [2]))
    assert np.array_equal(frame, folders.get_frames(1, [2])[0])
    REDS(tmp_path / "reds.lmdb", "train").get_frames(0, [0])  # LMDB itself refuses a second opening


def test_lmdb_layout_is_that_of_the_original(reds_folder, tmp_path):
    import lmdb

    create_lmdb(reds_folder, tmp_path / "reds.lmdb")
    meta = pickle.loads((tmp_path / "reds.lmdb" / "meta_info.pkl").read_bytes())
    assert meta["name"] == "REDS_GT_wval"
    assert meta["resolution"] == "3_32_40"
    assert meta["keys"][:2] == ["000_00000000", "000_00000001"]
    assert len(meta["keys"]) == 15
    (rgb,) = REDS(reds_folder, "all").get_frames(0, [0])
    with lmdb.open(str(tmp_path / "reds.lmdb"), readonly=True, lock=False) as file, file.begin() as transaction:
        assert transaction.get(b"000_00000000") == np.ascontiguousarray(rgb[:, :, ::-1]).tobytes()


def test_writing_goes_on_after_an_interruption_and_does_nothing_when_complete(reds_folder, tmp_path, monkeypatch):
    target = tmp_path / "reds.lmdb"
    read: list[Any] = []
    original = REDS.get_frames

    def counted(self, clip_id, frame_ids):
        if len(read) == 8:
            read.append(None)
            raise KeyboardInterrupt
        read.append(clip_id)
        return original(self, clip_id, frame_ids)

    monkeypatch.setattr(REDS, "get_frames", counted)
    with pytest.raises(KeyboardInterrupt):
        create_lmdb(reds_folder, target, commit_every=3)
    assert not (target / "meta_info.pkl").exists()
    create_lmdb(reds_folder, target, commit_every=3)
    # One frame at each start is read for its size; of the 15, 7 were written before the interruption.
    assert len(read) == 8 + 1 + 1 + (15 - 7)
    assert len(REDS(target, "all").frame_names(4)) == 3
    before = len(read)
    create_lmdb(reds_folder, target)
    assert len(read) == before + 1
    write_image(reds_folder / "train_sharp" / "001" / "00000003.png", np.zeros((32, 40, 3), np.uint8))
    with pytest.raises(ValueError, match="15 other frames than the 16"):
        create_lmdb(reds_folder, target)


def test_writing_refuses_another_ending_and_frames_of_two_sizes(reds_folder, tmp_path, capsys):
    assert main([str(reds_folder), str(tmp_path / "reds")]) == 1
    write_image(reds_folder / "val_sharp" / "029" / "00000001.png", np.zeros((32, 44, 3), np.uint8))
    with pytest.raises(UnreadableImage, match="frame 269_00000001 has 32 x 44 pixels, the first one 32 x 40"):
        create_lmdb(reds_folder, tmp_path / "reds.lmdb")


def test_a_damaged_list_of_keys_is_named(reds_folder, tmp_path):
    target = tmp_path / "reds.lmdb"
    create_lmdb(reds_folder, target)
    (target / "meta_info.pkl").write_bytes(pickle.dumps({"keys": ["000_0"], "resolution": "3_32"}))
    with pytest.raises(UnreadablePickle, match="3_32"):
        REDS(target, "all")
    (target / "meta_info.pkl").write_bytes(pickle.dumps({"keys": ["000_7"], "resolution": "3_32_40"}))
    with pytest.raises(UnreadableImage, match="key 000_7: no such key"):
        REDS(target, "all").get_frames(0, [0])


def test_a_folder_of_frames_is_one_clip_and_sizes_are_checked(reds_folder):
    folder = reds_folder / "train_sharp"
    assert Videezy4K(folder).clip_list == ["000", "001", "002"]
    single = ClipFolder(folder / "001")
    assert single.clip_list == ["001"]
    assert single.get_num_frames(0) == 3
    write_image(folder / "001" / "00000001.png", np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(UnreadableImage, match=r"00000001\.png has 30 x 40"):
        single.get_frames(0, [0, 1])


def test_real_bursts_are_five_packed_frames_with_the_meta_data_of_the_third(tmp_path):
    bursts = SCBurst(sc_burst(tmp_path, scenes=2))
    for name in ("Scene2/._0.mat", "Scene3.zip"):
        (bursts.root / name).write_bytes(b"no frame")
    bursts = SCBurst(bursts.root)
    assert bursts.burst_list == ["Scene1", "Scene2"]
    burst, info = bursts[1]
    assert burst.shape == (5, 4, 12, 16)
    assert 0 <= burst.min() <= burst.max() <= 1
    assert (info["red_gain"], info["blue_gain"]) == (2.0, 1.6)
    assert (info["shot"], info["read_variance"]) == (4e-4, 9e-6)
    assert info["xyz2cam"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("content", ["too large", "no numbers"])
def test_a_frame_that_claims_gigabytes_or_holds_no_numbers_is_named(tmp_path, content):
    h5py = pytest.importorskip("h5py")
    path = sc_burst(tmp_path) / "Scene1" / "1.mat"
    with h5py.File(path, "w") as file:
        if content == "too large":
            file.create_dataset("im", (100_000, 100_000), "f4")  # nothing is stored of it
        else:
            file["im"] = [["a", "b"], ["c", "d"]]
    with pytest.raises(UnreadableImage, match=r"1\.mat: /im (claims 40000000000 bytes|does not hold numbers)"):
        SCBurst(path.parent.parent)[0]


def test_real_bursts_that_are_no_matlab_files_or_too_few_are_named(tmp_path):
    folder = sc_burst(tmp_path)
    (folder / "Scene1" / "1.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(UnreadableImage, match=r"1\.mat is no MATLAB 7\.3 file"):
        SCBurst(folder)[0]
    for i in range(2, 6):
        (folder / "Scene1" / f"{i}.mat").unlink()
    with pytest.raises(MissingDataSet, match="at least 5"):
        SCBurst(folder)
