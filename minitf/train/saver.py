"""Saver: variables to files and back."""
import logging
import math
import os
import time

import numpy as np

from ..core.errors import FailedPreconditionError, NotFoundError
from ..ops.variables import global_variables
from ..platform import gfile
from .checkpoint_management import (checkpoint_exists, get_checkpoint_mtimes, meta_graph_filename, remove_checkpoint, update_checkpoint_state)
from .meta_graph import add_meta_graph, export_meta_graph
from .saver_ops import SaverDef, add_saver_ops, check_restorable, saveables

_log = logging.getLogger("minitf")


class Saver:
    """Saves variables to checkpoint files, and restores them.

    >>> saver = tf.train.Saver()                         # all global variables there are now
    >>> path = saver.save(sess, "/tmp/model", global_step=100)
    >>> path
    '/tmp/model-100'
    >>> saver.restore(sess, path)

    A checkpoint is one file (minitf.platform.checkpoint_file).  It is written aside and renamed, then the folder's file `checkpoint`, and
    only then is an old one deleted: whenever the process is killed, the latest one that `checkpoint` names is whole.
    """

    def __init__(self, var_list=None, reshape=False, sharded=False, max_to_keep=5, keep_checkpoint_every_n_hours=10000.0, name=None,
                 restore_sequentially=False, saver_def=None, builder=None, defer_build=False, allow_empty=False, write_version=2,
                 pad_step_number=False, save_relative_paths=False, filename=None):
        """var_list             variables, saved under the names of their ops; or {name: variable}; None: all global variables
        reshape              a tensor in the file may have another shape with as many elements
        sharded              accepted; the file is one for all devices either way
        max_to_keep          how many of the latest checkpoints stay; 0 or None: all
        keep_checkpoint_every_n_hours
                             beyond that, one from every n hours of training stays for good
        name                 of the name scope of its ops, by default "save"
        restore_sequentially restore one variable after the other, which takes less memory
        saver_def            a SaverDef: use the ops that are in the graph already
        defer_build          add the ops when build() is called
        allow_empty          without variables, save and restore do nothing; else that is a ValueError
        pad_step_number      global steps in file names have eight digits, so that they sort
        save_relative_paths  the file `checkpoint` holds relative paths, so that the folder may be moved
        filename             the file's name where the filename tensor is not fed
        ValueError "No variables to save", and for names that are there twice.
        """
        if defer_build and var_list:
            raise ValueError("If `var_list` is provided then build cannot be deferred. Either set defer_build=False or var_list=None.")
        if builder is not None:
            raise ValueError("Saver: there are no builders; leave builder out")
        if write_version not in (1, 2):
            raise ValueError(f"Saver: write_version is {write_version!r}; it may be 1 or 2, as in TensorFlow, and the format is minitf's own")
        self._var_list, self._reshape, self._sharded, self._max_to_keep = var_list, reshape, sharded, max_to_keep
        self._keep_every, self._name, self._sequentially = keep_checkpoint_every_n_hours, name, restore_sequentially
        self._allow_empty, self._pad, self._relative, self._filename = allow_empty, pad_step_number, save_relative_paths, filename
        self.saver_def = saver_def
        self._is_built = self._is_empty = False
        self._last_checkpoints = []           # [(path, when it was saved)], the newest last
        if not defer_build:
            self.build()

    def build(self):
        """Add the ops to the default graph (that of the variables), unless that is done."""
        if self._is_built:
            return
        self._is_built = True
        if self.saver_def is None:
            items = saveables(global_variables() if self._var_list is None else self._var_list)
            if not items:
                if not self._allow_empty:
                    raise ValueError("No variables to save")
                self._is_empty = True
                return
            self.saver_def = add_saver_ops(items, self._name, self._filename or "model", self._reshape, self._sequentially)
            self.saver_def.max_to_keep, self.saver_def.sharded = self._max_to_keep or 0, bool(self._sharded)
            self.saver_def.keep_checkpoint_every_n_hours = self._keep_every
        else:
            self.saver_def = _under_scope(self.saver_def, self._name)
        _check(self.saver_def)
        self._next_kept = time.time() + self.saver_def.keep_checkpoint_every_n_hours * 3600

    # ---- saving -----------------------------------------------------------------------------------------------------------

    def save(self, sess, save_path, global_step=None, latest_filename=None, meta_graph_suffix="meta", write_meta_graph=True, write_state=True,
             strip_default_attrs=False):
        """Save the variables, as they are in one step of sess; returns the file's path, for restore.

        save_path         the path, without the step
        global_step       appended as "-<step>": an int, or a tensor, a variable or the name of one, whose value is taken
        latest_filename   of the file that lists the checkpoints, by default "checkpoint"
        write_meta_graph  also write the graph, to "<path>.<meta_graph_suffix>", for import_meta_graph
        write_state       also bring that list up to date, and delete what is no longer to be kept
        ValueError if the folder is not there; ResourceExhaustedError on a full disk: what was saved before stays.
        """
        if not self._is_built:
            raise RuntimeError("`build()` should be called before save if defer_build==True")
        latest_filename = "checkpoint" if latest_filename is None else latest_filename
        if os.path.split(latest_filename)[0]:
            raise ValueError("'latest_filename' must not contain path components")
        if not hasattr(sess, "run"):
            raise TypeError(f"'sess' must be a Session; {sess}")
        save_path = os.fspath(save_path)
        if global_step is not None:
            step = int(global_step if isinstance(global_step, (int, np.integer)) else sess.run(global_step))
            path = f"{save_path}-{step:08d}" if self._pad else f"{save_path}-{step}"
        else:
            path = save_path
            if os.path.basename(save_path) == latest_filename:
                raise ValueError(f"'latest_filename' collides with 'save_path': '{latest_filename}' and '{save_path}'")
        if self._is_empty:
            return None
        folder = os.path.dirname(save_path)
        try:
            sess.run(self.saver_def.save_tensor_name, {self.saver_def.filename_tensor_name: path})
            if write_meta_graph:
                self._write_meta_graph(sess.graph, meta_graph_filename(path, meta_graph_suffix))
            if write_state:
                self._write_state(folder, path, latest_filename, meta_graph_suffix)
        except (FailedPreconditionError, NotFoundError):
            if folder and not gfile.IsDirectory(folder):
                raise ValueError(f"Parent directory of {save_path} doesn't exist, can't save.") from None
            raise
        return path

    def _write_meta_graph(self, graph, filename):
        try:
            with graph.as_default():
                self.export_meta_graph(filename)
        except TypeError as error:            # such as a Python function in an attribute: the variables are saved for all that
            _log.warning("%s was not written: %s", filename, error)

    def _write_state(self, folder, path, latest_filename, meta_graph_suffix):
        """List the checkpoint; then delete the one that it drives out, unless that is to stay for good."""
        dropped = None
        if self.saver_def.max_to_keep:
            self._last_checkpoints = [c for c in self._last_checkpoints if c[0] != path] + [(path, time.time())]
            if len(self._last_checkpoints) > self.saver_def.max_to_keep:
                dropped = self._last_checkpoints.pop(0)
        update_checkpoint_state(folder, path, self.last_checkpoints, latest_filename, self._relative)
        if dropped is None:
            return
        if dropped[1] > self._next_kept:
            self._next_kept += self.saver_def.keep_checkpoint_every_n_hours * 3600
            return
        try:
            remove_checkpoint(dropped[0], meta_graph_suffix=meta_graph_suffix)
        except Exception as error:            # it is only in the way
            _log.warning("Ignoring: %s", error)

    @property
    def last_checkpoints(self):
        """The paths of the checkpoints that are kept, the newest last."""
        return [path for path, _ in self._last_checkpoints]

    def set_last_checkpoints(self, last_checkpoints):
        """Take over a list of paths, as another Saver's last_checkpoints: these will be deleted in time."""
        if not isinstance(last_checkpoints, list):
            raise TypeError(f"last_checkpoints should be a list of paths, got {last_checkpoints!r}")
        self.set_last_checkpoints_with_time([(path, math.inf) for path in last_checkpoints])

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time):
        """The same for (path, seconds since the epoch), which says which of them are to stay for good."""
        if not isinstance(last_checkpoints_with_time, list):
            raise TypeError(f"last_checkpoints_with_time should be a list of pairs, got {last_checkpoints_with_time!r}")
        self._last_checkpoints = list(last_checkpoints_with_time)

    def recover_last_checkpoints(self, checkpoint_paths):
        """Take over, after a restart, those of a list of paths that are still there; times are those of the files."""
        found = [(path, get_checkpoint_mtimes([path])) for path in checkpoint_paths]
        self.set_last_checkpoints_with_time([(path, times[0]) for path, times in found if times])

    # ---- restoring --------------------------------------------------------------------------------------------------------

    def restore(self, sess, save_path):
        """Give the variables the values in a checkpoint; they need not be initialised before.

        ValueError if there is no such file.  NotFoundError or InvalidArgumentError if it lacks a variable or has it with another dtype
        or shape: the message lists what is missing, what differs and what is left over.  DataLossError if it is damaged.  Names, dtypes
        and shapes are seen first, so in these cases no variable has changed.
        """
        if self._is_empty:
            return
        if not self._is_built:
            raise RuntimeError("`build()` should be called before restore if defer_build==True")
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        save_path = os.fspath(save_path)
        if not checkpoint_exists(save_path):
            raise ValueError(f"The passed save_path is not a valid checkpoint: {save_path}")
        check_restorable(sess.graph, self.saver_def, save_path)
        sess.run(self.saver_def.restore_op_name, {self.saver_def.filename_tensor_name: save_path})

    # ---- meta graphs ------------------------------------------------------------------------------------------------------

    def as_saver_def(self):
        """What is needed to make this Saver anew from its graph."""
        return self.saver_def

    def export_meta_graph(self, filename=None, collection_list=None, as_text=False, clear_devices=False):
        """The default graph with this Saver: see tf.train.export_meta_graph."""
        return export_meta_graph(filename, saver_def=self.saver_def, collection_list=collection_list, as_text=as_text, clear_devices=clear_devices)


def _under_scope(saver_def, scope):
    """A copy, with the names of its ops put under a scope."""
    fields = {name: getattr(saver_def, name) for name in SaverDef.FIELDS}
    prefix = f"{scope.rstrip('/')}/" if scope else ""
    return SaverDef(**{name: prefix + value if name.endswith("_name") and value else value for name, value in fields.items()})


def _check(saver_def):
    for name in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
        if not getattr(saver_def, name):
            raise ValueError(f"saver_def must specify the {name}: {saver_def}")


def import_meta_graph(meta_graph_or_file, clear_devices=False, import_scope=None):
    """Add a meta graph to the default graph; returns its Saver, or, if it has none, one of the variables there are, or None.

    meta_graph_or_file  a MetaGraphDef, or the path of a file that Saver.save or export_meta_graph wrote
    clear_devices       do not ask for the devices that it was built for
    import_scope        put before all names

    >>> saver = tf.train.import_meta_graph("/tmp/model-100.meta")
    >>> saver.restore(sess, "/tmp/model-100")
    >>> sess.run(tf.get_collection("train_op")[0], {"x:0": batch})

    Collections are added to; variables in them are Variables again.  DataLossError or InvalidArgumentError for a file that is damaged
    or not a meta graph; ValueError for a name that the graph has already.  In these cases nothing was added.
    """
    saver_def, scope = add_meta_graph(meta_graph_or_file, clear_devices, import_scope)
    if saver_def is not None:
        return Saver(saver_def=saver_def, name=scope)
    return Saver() if global_variables() else None
