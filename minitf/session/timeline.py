"""Timeline: a traced step as a picture, as a trace for the browser, and in words.

    metadata = tf.RunMetadata()
    sess.run(train, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
    timeline = tf.timeline.Timeline(metadata.step_stats)
    timeline.save("step.svg")          # a picture; a notebook shows it by itself
    timeline.save("step.json")         # for chrome://tracing or ui.perfetto.dev
    print(timeline)                    # busy, waiting, bytes and peak memory of each device, and the critical path
"""
import os
from pathlib import Path

from ..core.step_stats import StepStats
from .timeline_chrome import ChromeTrace, StepStatsAnalysis, allocator_maximums
from .timeline_spans import Spans
from .timeline_svg import svg
from .timeline_text import summary


class Timeline:
    """Timeline(step_stats, graph=None)

    step_stats  RunMetadata.step_stats of a run with trace_level=FULL_TRACE
    graph       the Graph that ran: then the tooltips of the picture tell the line of the program that made each op
    lanes       a device each: spans, busy, waiting, sent, received, memory, peak (timeline_spans.Lane)
    transfers   [(Span of the Send, Span of the Recv)]
    critical_path    [Span], the chain of instructions and transfers that determined when the step ended, the first first
    nanoseconds      length of the step
    TypeError for what is no StepStats: a run without a trace leaves None.
    """

    def __init__(self, step_stats, graph=None):
        if not isinstance(step_stats, StepStats):
            raise TypeError(f"A Timeline is made of a traced step's step_stats, got {step_stats!r:.80}. "
                            "Run it with options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE) and a run_metadata.")
        self._spans, self._graph = Spans(step_stats), graph

    @property
    def lanes(self):
        return self._spans.lanes

    @property
    def transfers(self):
        return self._spans.transfers

    @property
    def critical_path(self):
        return self._spans.critical

    @property
    def nanoseconds(self):
        return self._spans.length

    def analyze_step_stats(self, show_dataflow=True, show_memory=True):
        """A StepStatsAnalysis: chrome_trace, with format_to_string(pretty=False), and allocator_maximums."""
        return StepStatsAnalysis(ChromeTrace(self._spans, show_dataflow, show_memory), allocator_maximums(self._spans))

    def generate_chrome_trace_format(self, show_dataflow=True, show_memory=False):
        """The step as JSON text in the Trace Event Format.

        show_dataflow  an arrow for each transfer between devices
        show_memory    a counter of the bytes alive on each device
        """
        return self.analyze_step_stats(show_dataflow, show_memory).chrome_trace.format_to_string(pretty=True)

    def to_svg(self, width=960, memory=True):
        """The step as SVG text: a lane for each device, time from left to right; the same bytes for the same step_stats.

        A bar is an instruction, in the colour of its kind; a dashed line is waiting; an arrow is a transfer, pale where the value lay ready
        before it was asked for; under a lane is the memory alive on the device.  Red is the critical path.  Bars too narrow to be seen are
        drawn together.

        width   pixels
        memory  whether to draw the memory
        """
        return svg(self._spans, width, memory, self._graph)

    def _repr_svg_(self):
        return self.to_svg()

    def save(self, path):
        """Write the step to a file: a picture for a name that ends in .svg, a trace for .json.  ValueError for another ending."""
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending not in (".svg", ".json"):
            raise ValueError(f"A timeline is saved as .svg or .json, not as {os.fspath(path)!r}")
        text = self.to_svg() if ending == ".svg" else self.analyze_step_stats().chrome_trace.format_to_string()
        Path(path).write_text(text, encoding="utf-8")

    def __str__(self):
        return summary(self._spans)

    def __repr__(self):
        return f"<Timeline of {len(self._spans.spans())} instructions on {len(self.lanes)} device{'s' * (len(self.lanes) != 1)}>"
