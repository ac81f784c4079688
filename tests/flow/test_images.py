"""Images to verify with: what a file says is what is simulated."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2nn_hw import datasets
from s2nn_hw.flow.images import images
from s2nn_hw.ir import Dense, FrameFormat, InputError, Layer, Network


def network(**frame: Any) -> Network:
    """Two classes over 2×3 pixels."""
    weights = np.array([[1, 2, 3, -1, -2, -3], [0, 1, 0, 1, 0, 1]], np.int8)
    return Network(
        input=FrameFormat(shape=(1, 2, 3), **frame),
        layers=(
            Layer(
                name="readout",
                projections=(Dense(source="input", weights=weights, weight_bits=3),),
                thresholds=None,
            ),
        ),
    )


RAW = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3) * 10
CUTS = {"bits": 2, "cuts": (10, 100, 200)}


def test_raw_images_are_quantised(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=RAW, labels=np.array([0, 1, 0, 1]))
    found = images(network(**CUTS), tmp_path / "x.npz")
    expected = sum((cut <= RAW).astype(int) for cut in CUTS["cuts"])
    np.testing.assert_array_equal(found.frames, expected[:, None])
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 0, 1]
    assert found.source == str(tmp_path / "x.npz")


def test_frames_are_taken_as_they_are(tmp_path: Path) -> None:
    frames = RAW % 4
    np.savez(tmp_path / "x.npz", frames=frames)
    np.save(tmp_path / "x.npy", frames.reshape(4, 6).astype(np.int64))
    for name in ("x.npz", "x.npy"):
        found = images(network(**CUTS), tmp_path / name)
        assert found.frames.dtype == np.uint8
        np.testing.assert_array_equal(found.frames, frames[:, None])
        assert found.labels is None


def test_the_first_ones_with_their_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", frames=RAW % 2, labels=np.array([1, 0, 0, 0]))
    found = images(network(), tmp_path / "x.npz", frames=2)
    assert len(found.frames) == 2
    assert found.labels is not None
    assert found.labels.tolist() == [1, 0]
    with pytest.raises(InputError, match=r"at most the 4 of .*x\.npz, not 5"):
        images(network(), tmp_path / "x.npz", frames=5)


def test_random_ones_follow_the_seed() -> None:
    net = network(bits=3)
    first, again, other = (images(net, seed=seed, frames=9) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.frames, again.frames)
    assert (first.frames != other.frames).any()
    assert first.frames.shape == (9, 1, 2, 3)
    assert first.source == "random pixels, seed 1"
    assert set(np.unique(images(net).frames)) == set(range(8))


def test_a_data_set_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([0, 1, 0, 1])
    dataset = datasets.Dataset(
        name="mnist",
        maximum=255,
        train_images=RAW[:, None],
        train_labels=labels,
        test_images=RAW[:, None],
        test_labels=labels,
    )
    asked: list[Any] = []

    def load(name: str, data: Any = None) -> Any:
        asked.append((name, data))
        return dataset

    monkeypatch.setattr(datasets, "load", load)
    found = images(network(**CUTS), "mnist", frames=3, data="folder")
    assert asked == [("mnist", "folder")]
    assert found.source == "mnist test set"
    np.testing.assert_array_equal(found.frames, network(**CUTS).input.quantise(RAW)[:3])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": RAW.astype(float)}, "raw pixels must be integers, not float64"),
        ({"images": RAW.astype(int) - 1}, "a raw pixel must be 0 or more, not -1"),
        ({"images": RAW[:0]}, "the image set must hold at least one image"),
        ({"images": RAW[:, :1]}, "an image must have shape"),
        ({"images": np.uint8(3)}, "the image set must hold at least one image"),
        ({"frames": RAW}, "a pixel must be 0…3"),
        ({"frames": RAW % 4, "labels": np.zeros(3, int)}, "labels must be 4, one an image"),
        ({"frames": RAW % 4, "labels": np.full(4, 0.5)}, "labels must be integers, not 0.5"),
        ({"frames": RAW % 4, "labels": np.array([0, 0, -1, 9])}, r"0…1, not -1 \(image 2\)"),
        ({"labels": np.zeros(4, int)}, "must hold an array 'frames' or 'images', not labels"),
        ({}, "must hold an array 'frames' or 'images', not nothing"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=rf"x\.npz: .*{message}"):
        images(network(**CUTS), tmp_path / "x.npz")


def test_images_of_another_size_are_told_before_cuts_that_lack(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=RAW[:, :1])
    with pytest.raises(InputError, match=r"x\.npz: an image must have shape"):
        images(network(), tmp_path / "x.npz")


class Bomb:
    """Fails the test if anybody unpickles it."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was loaded",)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    bomb = np.array([Bomb()], dtype=object)
    for write in (
        lambda: path.write_bytes(pickle.dumps(Bomb())),
        lambda: np.savez(path, frames=bomb),
        lambda: np.savez(path, frames=np.zeros((1, 6), int), labels=bomb),
    ):
        write()
        with pytest.raises(InputError, match=r"x\.npz: not a whole \.npy or \.npz file"):
            images(network(), path)


def test_every_truncation_is_told(tmp_path: Path) -> None:
    for name, save in (("x.npy", np.save), ("x.npz", np.savez_compressed)):
        path = tmp_path / name
        save(path, RAW)  # type: ignore[operator]
        whole = path.read_bytes()
        for length in range(0, len(whole), 13):
            path.write_bytes(whole[:length])
            with pytest.raises(InputError, match=f"{name}: "):
                images(network(**CUTS), path)
