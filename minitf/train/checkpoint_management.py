"""The text file `checkpoint`, which says what checkpoints are in a folder and which is the latest.

    model_checkpoint_path: "model.ckpt-300"
    all_model_checkpoint_paths: "model.ckpt-200"
    all_model_checkpoint_paths: "model.ckpt-300"

It is the text form of TensorFlow's CheckpointState: the latest one, then all that are kept, the newest last.  Paths may be relative to the
folder.  The file is written aside and renamed.
"""
import logging
import os
import re

from ..core.errors import NotFoundError, OpError
from ..platform import gfile
from ..platform.aside import written_aside

_log = logging.getLogger("minitf")
_LINE = re.compile(r"""\s*(\w+)\s*:\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))\s*\Z""")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b'"': b'"', b"'": b"'", b"\\": b"\\", b"?": b"?", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


class CheckpointState:
    """model_checkpoint_path: the latest checkpoint; all_model_checkpoint_paths: all that are kept, the newest last."""

    def __init__(self, model_checkpoint_path="", all_model_checkpoint_paths=(), all_model_checkpoint_timestamps=(), last_preserved_timestamp=0.0):
        self.model_checkpoint_path, self.all_model_checkpoint_paths = model_checkpoint_path, list(all_model_checkpoint_paths)
        self.all_model_checkpoint_timestamps, self.last_preserved_timestamp = list(all_model_checkpoint_timestamps), last_preserved_timestamp

    def __str__(self):
        """The text form."""
        lines = [f"model_checkpoint_path: {_quoted(self.model_checkpoint_path)}"]
        lines += [f"all_model_checkpoint_paths: {_quoted(path)}" for path in self.all_model_checkpoint_paths]
        lines += [f"all_model_checkpoint_timestamps: {float(t)!r}" for t in self.all_model_checkpoint_timestamps]
        if self.last_preserved_timestamp:
            lines.append(f"last_preserved_timestamp: {float(self.last_preserved_timestamp)!r}")
        return "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text):
        """The state that a text describes; ValueError with the number of the line that is not understood."""
        state = cls()
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.match(line)
            if match is None:
                raise ValueError(f"line {number} is neither 'name: \"text\"' nor 'name: number'")
            name, *quoted, plain = match.groups()
            if (plain is not None) != name.endswith(("timestamp", "timestamps")):
                raise ValueError(f"line {number}: the value of {name} is not of its kind")
            value = float(plain) if plain is not None else _unquoted(next(q for q in quoted if q is not None))
            current = getattr(state, name, None) if name in vars(state) else None
            if current is None:
                raise ValueError(f"line {number}: a checkpoint state has no {name}")
            if isinstance(current, list):
                current.append(value)
            else:
                setattr(state, name, value)
        return state


def _quoted(text):
    shown = []
    for byte in os.fsencode(text):
        char = chr(byte)
        shown.append("\\" + char if char in "\"'\\" else char if 32 <= byte < 127 else "\\n" if char == "\n" else f"\\{byte:03o}")
    return '"' + "".join(shown) + '"'


def _unquoted(text):
    def character(match):
        octal, hexadecimal, other = match.groups()
        if other is not None:
            return _SIMPLE.get(other, other)
        return bytes([(int(octal, 8) if octal else int(hexadecimal, 16)) & 255])
    return os.fsdecode(_ESCAPE.sub(character, text.encode("utf-8", "surrogateescape")))


def generate_checkpoint_state_proto(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None):
    """A CheckpointState, with paths relative to save_dir if save_dir itself is a relative path."""
    paths = list(all_model_checkpoint_paths or [])
    if not paths or paths[-1] != model_checkpoint_path:
        paths.append(model_checkpoint_path)
    if not os.path.isabs(save_dir):
        model_checkpoint_path, *paths = [p if os.path.isabs(p) else os.path.relpath(p, save_dir) for p in [model_checkpoint_path, *paths]]
    return CheckpointState(model_checkpoint_path, paths)


def update_checkpoint_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None, latest_filename=None, save_relative_paths=False):
    """Write the file `checkpoint` (or latest_filename) of a folder.

    save_relative_paths: write absolute paths relative to save_dir too, so that the folder may be moved.
    RuntimeError if the checkpoint would have the name of the file itself.
    """
    state_path = _state_path(save_dir, latest_filename)
    paths = [model_checkpoint_path, *(all_model_checkpoint_paths or [])]
    if save_relative_paths:
        paths = [os.path.relpath(p, save_dir) if os.path.isabs(p) else p for p in paths]
    state = generate_checkpoint_state_proto(save_dir, paths[0], paths[1:])
    if state_path == state.model_checkpoint_path:
        raise RuntimeError(f"Save path '{model_checkpoint_path}' conflicts with path used for checkpoint state.  Please use a different save path.")
    with written_aside(state_path) as file:
        file.write(str(state).encode())


def get_checkpoint_state(checkpoint_dir, latest_filename=None):
    """The CheckpointState of a folder, with the folder put before relative paths; None if there is none that can be read.

    ValueError if it names no checkpoint.
    """
    state_path = _state_path(checkpoint_dir, latest_filename)
    try:
        if not gfile.Exists(state_path):
            return None
        with gfile.GFile(state_path, "rb") as file:
            state = CheckpointState.from_text(file.read().decode("utf-8", "surrogateescape"))
    except (OpError, ValueError) as error:
        _log.warning("%s: %s; checkpoint ignored", state_path, error)
        return None
    if not state.model_checkpoint_path:
        raise ValueError(f"Invalid checkpoint state loaded from {checkpoint_dir}")
    state.model_checkpoint_path = os.path.join(checkpoint_dir, state.model_checkpoint_path)
    state.all_model_checkpoint_paths = [os.path.join(checkpoint_dir, p) for p in state.all_model_checkpoint_paths]
    return state


def _state_path(folder, latest_filename):
    return os.path.join(folder, latest_filename or "checkpoint")


def latest_checkpoint(checkpoint_dir, latest_filename=None):
    """The path of the latest checkpoint in a folder, for Saver.restore; None if there is none."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    if checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    _log.error("Couldn't match files for checkpoint %s", state.model_checkpoint_path)
    return None


def checkpoint_exists(checkpoint_prefix):
    """Whether there is a checkpoint file of that name."""
    return gfile.Exists(checkpoint_prefix) and not gfile.IsDirectory(checkpoint_prefix)


def get_checkpoint_mtimes(checkpoint_prefixes):
    """When each of the checkpoints was written, in seconds since the epoch; those that are not there are left out."""
    mtimes = []
    for prefix in checkpoint_prefixes:
        try:
            mtimes.append(gfile.Stat(prefix).mtime_nsec / 1e9)
        except NotFoundError:
            pass
    return mtimes


def remove_checkpoint(checkpoint_prefix, checkpoint_format_version=None, meta_graph_suffix="meta"):
    """Delete a checkpoint and its meta graph, as far as they are there.  There is one format, so the version has no say."""
    for path in (meta_graph_filename(checkpoint_prefix, meta_graph_suffix), checkpoint_prefix):
        if gfile.Exists(path):
            gfile.Remove(path)


def meta_graph_filename(checkpoint_filename, meta_graph_suffix="meta"):
    """Where the meta graph of a checkpoint lies."""
    return f"{checkpoint_filename}.{meta_graph_suffix}"
