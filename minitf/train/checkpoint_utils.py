"""Looking into a checkpoint without a graph."""
import os

from ..core.errors import NotFoundError
from ..core.shapes import shape_text
from ..platform import gfile
from ..platform.checkpoint_file import CheckpointFile
from .checkpoint_management import get_checkpoint_state


class CheckpointReader:
    """The tensors of a checkpoint file, by name.

    >>> reader = tf.train.NewCheckpointReader("/tmp/model-100")
    >>> reader.get_variable_to_shape_map()
    {'layer/w': [3, 4]}
    """

    def __init__(self, filepattern):
        self._file = CheckpointFile(filepattern)

    def get_variable_to_shape_map(self):
        """{name: shape as a list}."""
        return {name: list(entry.shape) for name, entry in self._file.entries.items()}

    def get_variable_to_dtype_map(self):
        """{name: dtype}."""
        return {name: entry.dtype for name, entry in self._file.entries.items()}

    def has_tensor(self, tensor_str):
        return tensor_str in self._file.entries

    def get_tensor(self, tensor_str):
        """The value, as an ndarray.  NotFoundError with the nearest names; DataLossError if it is damaged."""
        return self._file.read(tensor_str)

    def debug_string(self):
        """A line per tensor, as bytes: name (dtype) shape."""
        lines = [f"{name} ({entry.dtype.name}) {shape_text(entry.shape)}" for name, entry in sorted(self._file.entries.items())]
        return "\n".join(lines).encode("utf-8", "backslashreplace")


def NewCheckpointReader(filepattern):
    """A CheckpointReader of a file, as Saver.save returned it.

    NotFoundError if there is no such file; DataLossError or InvalidArgumentError if it is no checkpoint or a damaged one.
    """
    try:
        return CheckpointReader(filepattern)
    except NotFoundError:
        raise NotFoundError(None, None, f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {os.fspath(filepattern)}") from None


def load_checkpoint(ckpt_dir_or_file):
    """A CheckpointReader of a checkpoint, or of the latest in a folder.  ValueError if the folder has none."""
    path = os.fspath(ckpt_dir_or_file)
    if gfile.IsDirectory(path):
        state = get_checkpoint_state(path)
        if state is None:
            raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}")
        path = state.model_checkpoint_path
    return NewCheckpointReader(path)


def load_variable(ckpt_dir_or_file, name):
    """The value of one variable in a checkpoint, or in the latest of a folder; "w:0" is "w"."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name[:-2] if name.endswith(":0") else name)


def list_variables(ckpt_dir_or_file):
    """[(name, shape as a list)] of a checkpoint, or of the latest in a folder, sorted."""
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())
