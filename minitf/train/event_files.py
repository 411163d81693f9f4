"""Event files: what TensorBoard reads.

An event file is a record file (minitf.platform.records) of Event messages.  FileWriter appends to one as events come; a reader sees what has
been flushed, which happens every flush_secs at the next event, on flush(), and at the end of the program.
"""
import atexit
import itertools
import os
import socket
import time
import weakref

from ..core.errors import DataLossError
from ..core.protos import parse_proto, proto
from ..platform.gfile import MakeDirs
from ..platform.records import TFRecordWriter, tf_record_iterator

_serial = itertools.count()
_open_writers = weakref.WeakSet()
_STATS = ("node_name", "all_start_micros", "op_start_rel_micros", "op_end_rel_micros", "all_end_rel_micros", "timeline_label",
          "scheduled_micros", "thread_id", "all_start_nanos", "op_start_rel_nanos", "op_end_rel_nanos", "all_end_rel_nanos", "scheduled_nanos")


class FileWriter:
    """Writes summaries, graphs and run metadata for TensorBoard to a new file in the folder `logdir`, which is made if need be.

    graph        a Graph to show, added at once
    max_queue    accepted for programs written for TensorFlow: events are written as they come, so none queue
    flush_secs   how often, at most, a reader sees new events
    filename_suffix  put behind the file's name

    >>> with tf.summary.FileWriter("logs", sess.graph) as writer:
    ...     writer.add_summary(sess.run(tf.summary.merge_all()), step)

    Several threads may write.  ImportError, saying what to install, without the tensorboard package, which has the messages' classes.
    """

    def __init__(self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None, filename_suffix=None):
        self._logdir, self._flush_secs, self._suffix = os.fspath(logdir), flush_secs, filename_suffix or ""
        self._writer = None
        self._summary_metadata = set()
        self.reopen()
        if graph is not None or graph_def is not None:
            self.add_graph(graph, graph_def=graph_def)

    def get_logdir(self):
        """The folder."""
        return self._logdir

    def add_summary(self, summary, global_step=None):
        """Add a Summary message, or one serialised, as a run of a summary op gives it.  DataLossError for bytes that are none."""
        if isinstance(summary, bytes):
            summary = parse_proto("Summary", summary)
        copy = proto("Summary")()
        copy.CopyFrom(summary)
        for value in copy.value:                           # metadata is told once a tag
            if value.HasField("metadata"):
                if value.tag in self._summary_metadata:
                    value.ClearField("metadata")
                self._summary_metadata.add(value.tag)
        self._add(global_step, summary=copy)

    def add_graph(self, graph, global_step=None, graph_def=None):
        """Add a Graph (or a GraphDef message) for the graph page."""
        if graph is not None and not hasattr(graph, "as_graph_def"):
            if not hasattr(graph, "node"):
                raise ValueError(f"The passed graph must be an instance of `Graph` or the deprecated `GraphDef`, got {type(graph).__name__}")
            graph, graph_def = None, graph                 # the order of arguments of 2015
        message = graph.as_graph_def(add_shapes=True) if graph is not None else graph_def
        self._add(global_step, graph_def=message.SerializeToString())

    def add_meta_graph(self, meta_graph_def, global_step=None):
        """Add a MetaGraphDef message."""
        if not hasattr(meta_graph_def, "meta_info_def"):
            raise TypeError(f"meta_graph_def must be type MetaGraphDef, saw type: {type(meta_graph_def)}")
        self._add(global_step, meta_graph_def=meta_graph_def.SerializeToString())

    def add_run_metadata(self, run_metadata, tag, global_step=None):
        """Add what a traced run told, under a tag (unique in this file), for the graph page.  ValueError if the tag was used before."""
        if tag in self._run_tags:
            raise ValueError("The provided tag was already used for this event type")
        self._run_tags.add(tag)
        message = run_metadata_proto(run_metadata)
        self._add(global_step, tagged_run_metadata=proto("TaggedRunMetadata")(tag=tag, run_metadata=message.SerializeToString()))

    def add_session_log(self, session_log, global_step=None):
        """Add a SessionLog message: that a run of the program began, was saved, ended."""
        self._add(global_step, session_log=session_log)

    def _add(self, global_step, **content):
        event = proto("Event")(wall_time=time.time(), **content)
        if global_step is not None:
            event.step = int(global_step)
        self.add_event(event)

    def add_event(self, event):
        """Add an Event message.  Nothing is written, with a warning, once the writer is closed."""
        if self._writer is None:
            import warnings
            warnings.warn("Attempting to use a closed FileWriter. The operation will be a noop unless the FileWriter is explicitly reopened.", stacklevel=3)
            return
        self._writer.write(event.SerializeToString())
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self):
        """Let a reader see all events so far."""
        if self._writer is not None:
            self._writer.flush()
        self._due = time.monotonic() + self._flush_secs

    def close(self):
        """Write what is left and close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            _open_writers.discard(self)

    def reopen(self):
        """After close(): begin another file in the same folder.  On an open writer this does nothing."""
        if self._writer is not None:
            return
        first = proto("Event")(wall_time=time.time(), file_version="brain.Event:2")
        MakeDirs(self._logdir)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_serial)}{self._suffix}"
        self.path = os.path.join(self._logdir, name)
        self._writer, self._run_tags = TFRecordWriter(self.path), set()
        _open_writers.add(self)
        self._writer.write(first.SerializeToString())
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


@atexit.register
def _close_all():
    for writer in list(_open_writers):
        writer.close()


class FileWriterCache:
    """One FileWriter a folder, shared by whoever asks."""
    _writers = {}

    @classmethod
    def get(cls, logdir):
        """The writer of a folder, made when it is first asked for."""
        if logdir not in cls._writers:
            cls._writers[logdir] = FileWriter(logdir)
        return cls._writers[logdir]

    @classmethod
    def clear(cls):
        """Close and forget them all."""
        for writer in cls._writers.values():
            writer.close()
        cls._writers.clear()


def summary_iterator(path):
    """The Event messages of an event file.  DataLossError for a file that is damaged; what was read before it has been given."""
    for place, record in enumerate(tf_record_iterator(path)):
        try:
            event = parse_proto("Event", record)
        except DataLossError as error:
            raise DataLossError(None, None, f"{os.fspath(path)}: record {place}: {error.message}") from None
        yield event


def run_metadata_proto(run_metadata):
    """The RunMetadata message of TensorFlow that says the same as a tf.RunMetadata; such a message is given back as it is."""
    message = proto("RunMetadata")
    if isinstance(run_metadata, message):
        return run_metadata
    message = message()
    for device in run_metadata.step_stats.dev_stats if run_metadata.step_stats is not None else ():
        stats = message.step_stats.dev_stats.add(device=device.device)
        for n in device.node_stats:
            node = stats.node_stats.add(**{name: getattr(n, name) for name in _STATS})
            for output in n.output:
                _describe(node, output.slot, output.tensor_description)
            for m in n.memory:
                node.memory.add(allocator_name=m.allocator_name, total_bytes=m.total_bytes, peak_bytes=m.peak_bytes,
                                live_bytes=m.live_bytes)
        for name, description in device.held.items():      # without a time: that they were there, and on which device
            _describe(stats.node_stats.add(node_name=name), 0, description)
    for graph in run_metadata.partition_graphs:
        message.partition_graphs.add().CopyFrom(graph.as_graph_def())
    return message


def _describe(node, slot, description):
    """Add an output to a NodeExecStats message."""
    told = node.output.add(slot=slot).tensor_description
    told.dtype = description.dtype.as_datatype_enum
    for d in description.shape:
        told.shape.dim.add(size=d)
    told.allocation_description.requested_bytes = description.requested_bytes
