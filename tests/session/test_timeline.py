"""Timeline: what its picture, its trace and its summary say is read back and compared with the step."""
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minitf as tf
from minitf.core.step_stats import (AllocatorMemoryUsed, BodyNodeStats, DeviceStepStats, NodeExecStats, NodeOutput, StepStats,
                                    TensorDescription, Transfer)
from minitf.session.timeline_families import FAMILIES, family_of
from minitf.session.timeline_text import bytes_text, time_text

from .graphs import devices
from .random_graphs import Built
from .recipes import Recipe, data

FULL = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
SVG = "{http://www.w3.org/2000/svg}"
CPU = "/job:localhost/replica:0/task:0/device:CPU:%d"
ORIGIN = 1_790_000_000_000_000_123


def traced(sess, fetches, feeds=None):
    metadata = tf.RunMetadata()
    values = sess.run(fetches, feeds, options=FULL, run_metadata=metadata)
    return values, metadata.step_stats


def node(name, op, start, end, ready=None, peak=0, live=0, transfer=None, **more):
    """One instruction by hand: nanoseconds since the step's begin."""
    ready = start if ready is None else ready
    kind = op if op in ("Send", "Recv") else "Compute"
    made, memory = NodeOutput(0, TensorDescription(tf.float32, (2,), 8)), AllocatorMemoryUsed("cpu:0", 8, peak, live)
    micros = (end - start) // 1000
    return NodeExecStats(
        name, all_start_micros=(ORIGIN + start) // 1000, op_start_rel_micros=(ready - start) // 1000, op_end_rel_micros=micros,
        all_end_rel_micros=micros, all_start_nanos=ORIGIN + start, op_start_rel_nanos=ready - start, op_end_rel_nanos=end - start,
        timeline_label=f"{name} = {op}()", scheduled_micros=0, thread_id=0, output=[made], memory=[memory], kind=kind, op=op,
        waited_nanos=ready - start, transfer=transfer, **more)


def step(*lanes):
    return StepStats([DeviceStepStats(CPU % k, nodes) for k, nodes in enumerate(lanes)])


def two_devices():
    """a and b on device 0, then a's value goes to device 1, which waited for it; b is not on the critical path."""
    t = Transfer(f"{CPU % 0};{CPU % 1};edge_a_0", CPU % 0, CPU % 1, 4000)
    return step([node("a", "MatMul", 0, 50_000, peak=4000, live=4000, inputs=["x", "w"]),
                 node("a/_send_0", "Send", 50_000, 51_000, peak=4000, live=0, transfer=t),
                 node("b", "Tanh", 51_000, 80_000, peak=100, live=0, inputs=["x"])],
                [node("early", "Add", 5_000, 6_000, inputs=["x", "x"]),
                 node("a/_recv_0", "Recv", 6_000, 55_000, ready=53_000, peak=4000, live=4000, transfer=t),
                 node("c", "Sum", 56_000, 156_000, peak=4008, live=8, inputs=["a/_recv_0", "axis"])])


# ---- pictures read back -----------------------------------------------------------------------------------------------------

def root_of(text):
    return ElementTree.fromstring(text)


def bars_of(lane):
    """[(left, right, colour, tooltip)] of a lane's group."""
    found = []
    for group in lane.findall(f"{SVG}g"):
        for path in group.findall(f"{SVG}path"):
            place = re.fullmatch(r"M([\d.]+) 0H([\d.]+)V26H\1z", path.get("d"))
            if place:
                found.append((float(place[1]), float(place[2]), group.get("fill"), path[0].text))
    return found


def lanes_of(root):
    return [g for g in root.findall(f"{SVG}g") if g.get("transform", "").startswith("translate(0,")]


def arrows_of(root):
    return [title.text for title in root.iter(f"{SVG}title") if re.search(r"^sent at .*, received at ", title.text, re.M)]


def test_what_a_picture_shows():
    root = root_of(tf.timeline.Timeline(two_devices()).to_svg(width=1000))
    assert float(root.get("width")) == 1000
    first, second = lanes_of(root)
    a, send, b = bars_of(first)[0], *bars_of(first)[1:]
    assert {bar[3].split("\n")[0] for bar in (a, send, b)} == {"a (MatMul)", "a/_send_0 (Send)", "b (Tanh)"}
    a = next(bar for bar in bars_of(first) if bar[3].startswith("a (MatMul)"))
    scale = (1000 - 92 - 16) / 156_000
    assert abs(a[0] - 92) < 0.1 and abs(a[1] - (92 + 50_000 * scale)) < 0.1 and a[2] == FAMILIES["products"]
    assert "0 ns to 50.0 µs: 50.0 µs" in a[3] and "reads x, w" in a[3] and "makes float32[2]" in a[3]
    recv = next(bar for bar in bars_of(second) if "Recv" in bar[3])
    assert abs(recv[0] - (92 + 53_000 * scale)) < 0.1                      # the bar is the work, the wait is a line
    waits = [p for p in second.iter(f"{SVG}path") if p.find(f"{SVG}title") is not None and p[0].text.startswith("waits ")]
    assert len(waits) == 1 and "waits 47.0 µs for edge_a_0 of /job:localhost/replica:0/task:0/device:CPU:0" in waits[0][0].text
    assert len(arrows_of(root)) == 1 and "edge_a_0: 4.0 kB, /cpu:0 to /cpu:1\nsent at 51.0 µs, received at 55.0 µs" in arrows_of(root)[0]
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert "/cpu:0" in texts and "peak 4.0 kB" in texts and "100 µs" in texts and "waiting" in texts and "a" in texts and "c" in texts
    assert any(t.startswith("products ") for t in texts)
    critical = [p for p in root.iter(f"{SVG}path") if p.get("stroke") == "#c0183c" and "-2H" in p.get("d")]
    assert len(critical) == 2 and critical[0].get("d").count("M") == 1      # a and its Send touch


def test_without_memory_a_picture_is_lower():
    timeline = tf.timeline.Timeline(two_devices())
    with_memory, without = root_of(timeline.to_svg()), root_of(timeline.to_svg(memory=False))
    assert float(without.get("height")) < float(with_memory.get("height"))
    assert not any(t.text.startswith("peak ") for t in without.iter(f"{SVG}text"))
    assert timeline._repr_svg_() == timeline.to_svg()


def test_the_memory_has_one_scale_and_its_peak_where_it_is():
    root = root_of(tf.timeline.Timeline(two_devices()).to_svg(width=1000))
    peaks = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{SVG}circle")]
    scale = (1000 - 92 - 16) / 156_000
    assert abs(peaks[1][0] - (92 + 56_000 * scale)) < 0.1 and abs(peaks[0][0] - 92) < 0.1
    assert 0 <= peaks[0][1] - peaks[1][1] < 0.5                            # 4,000 bytes and 4,008 are nearly as high


def test_names_are_escaped_and_the_bytes_are_the_same_each_time():
    nasty = 'a<b>&"c\'\x01'
    stats = step([node(nasty, "MatMul", 0, 900_000, inputs=[nasty] * 9, members=[nasty], fused=["<Op>"],
                       inner=[BodyNodeStats("body", nasty, "Add&", 3, 100, 0)])])
    stats.dev_stats[0].device = 'x<"&'
    text = tf.timeline.Timeline(stats).to_svg()
    root = root_of(text)                                                  # ParseError if anything is not escaped
    told = next(t.text for t in root.iter(f"{SVG}title") if t.text.startswith('a<b>&"c\'? (MatMul)'))
    assert "and 5 more" in told and "3 x a<b>" in told and "made of <Op>" in told
    assert text == tf.timeline.Timeline(stats).to_svg() and " id=" not in text and "<script" not in text and "<style" not in text
    json.loads(tf.timeline.Timeline(stats).generate_chrome_trace_format())


def test_bars_too_narrow_to_be_seen_are_drawn_together():
    many = [node(f"n{k}", "Add", 100 * k, 100 * k + 90) for k in range(20_000)] + [node("long", "MatMul", 2_000_000, 2_500_000)]
    text = tf.timeline.Timeline(step(many)).to_svg()
    lane, = lanes_of(root_of(text))
    bars = bars_of(lane)
    assert len(text) < 300_000 and len(bars) < 2000
    assert sum(int(bar[3].split()[0].replace(",", "")) if "instruction" in bar[3] else 1 for bar in bars) == 20_001


def test_a_step_of_nothing_and_of_no_time():
    for stats in (StepStats(), step([]), step([node("a", "Add", 0, 0)])):
        timeline = tf.timeline.Timeline(stats)
        root_of(timeline.to_svg())
        assert str(timeline) and "traceEvents" in json.loads(timeline.generate_chrome_trace_format())
    with pytest.raises(TypeError, match="FULL_TRACE"):
        tf.timeline.Timeline(None)


def test_save_goes_by_the_ending(tmp_path):
    timeline = tf.timeline.Timeline(two_devices())
    timeline.save(tmp_path / "a.svg")
    timeline.save(str(tmp_path / "a.JSON"))
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == timeline.to_svg()
    assert any(e["ph"] == "C" for e in json.loads((tmp_path / "a.JSON").read_text())["traceEvents"])
    with pytest.raises(ValueError, match="a.png"):
        timeline.save("a.png")


def test_tooltips_tell_the_line_of_the_program():
    x = tf.placeholder(tf.float32, [200, 200])
    y = tf.matmul(x, x, name="product")                                   # this line
    with tf.Session() as sess:
        _, stats = traced(sess, y, {x: np.ones([200, 200])})
    text = tf.timeline.Timeline(stats, tf.get_default_graph()).to_svg()
    assert "# this line" in text and "test_timeline.py" in text and "# this line" not in tf.timeline.Timeline(stats).to_svg()


# ---- in words ---------------------------------------------------------------------------------------------------------------

def test_the_critical_path_crosses_where_a_receive_waited():
    timeline = tf.timeline.Timeline(two_devices())
    assert [s.stats.node_name for s in timeline.critical_path] == ["a", "a/_send_0", "a/_recv_0", "c"]
    ready = two_devices()
    ready.dev_stats[1].node_stats[1].op_start_rel_nanos = 0                # it did not wait: what came before on its device held it up
    assert [s.stats.node_name for s in tf.timeline.Timeline(ready).critical_path] == ["early", "a/_recv_0", "c"]


def test_the_summary():
    timeline = tf.timeline.Timeline(two_devices())
    text = str(timeline)
    assert text.startswith("a step of 156 us on 2 devices: 6 instructions, 1 transfer of 4.0 kB\n")
    assert re.search(r"^/cpu:0  busy  51%  waiting   0%      3 instructions   peak 4.0 kB   sent 4.0 kB, received 0 B$", text, re.M)
    assert re.search(r"^/cpu:1  busy  66%  waiting  30%      3 instructions   peak 4.0 kB   sent 0 B, received 4.0 kB$", text, re.M)
    assert "critical path: 98% in 4 instructions; 1% between a Send and a Recv that waited for it, 1 time; 1% between instructions." in text
    assert re.search(r"^    100 us   64%  /cpu:1  c \(Sum\)$", text, re.M) and repr(timeline) == "<Timeline of 6 instructions on 2 devices>"
    assert timeline.nanoseconds == 156_000 and [lane.busy for lane in timeline.lanes] == [80_000, 103_000]
    assert [(s.stats.node_name, r.stats.node_name) for s, r in timeline.transfers] == [("a/_send_0", "a/_recv_0")]


@pytest.mark.parametrize("nanos, text", [(0, "0 ns"), (999, "999 ns"), (1000, "1.00 us"), (12_345, "12.3 us"), (999_499, "999 us"),
                                         (1_234_567, "1.23 ms"), (2e9, "2.00 s")])
def test_times(nanos, text):
    assert time_text(nanos) == text


@pytest.mark.parametrize("nbytes, text", [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_250_000, "1.2 MB"), (123_456_789, "123 MB"),
                                          (2e9, "2.0 GB")])
def test_bytes(nbytes, text):
    assert bytes_text(nbytes) == text


def test_families():
    def of(op, inputs=2):
        return family_of(node("n", op, 0, 1, inputs=["x"] * inputs))
    assert [of("MatMul"), of("Conv2DBackpropFilter"), of("LSTMBlockCellGrad")] == ["products"] * 3
    assert [of("Tanh", 1), of("Fused", 5), of("AddN", 7), of("Mul"), of("BiasAdd")] == ["element-wise"] * 5
    assert [of("Sum"), of("SparseSoftmaxCrossEntropyWithLogits"), of("MaxPoolGrad"), of("BiasAddGrad", 1)] == ["reductions"] * 4
    assert [of("ConcatV2"), of("Gather"), of("Split"), of("StridedSliceGrad")] == ["moving data"] * 4
    assert [of("ApplyAdam"), of("AssignAdd"), of("ScatterSub"), of("ReadVariable")] == ["variables"] * 4
    assert [of("If"), of("While"), of("HistoryRead")] == ["control flow"] * 3
    assert [of("Send"), of("Recv")] == ["transfers"] * 2
    assert [of("QueueDequeueMany"), of("QueueEnqueue"), of("ScalarSummary"), of("RestoreV2")] == ["queues and files"] * 4
    assert of("MyOwnOp") == "other"


# ---- the trace --------------------------------------------------------------------------------------------------------------

def check_format(text):
    """The events of a text in the Trace Event Format, as its document has it; AssertionError for what a viewer would not take."""
    trace = json.loads(text)
    events = trace["traceEvents"]
    named = {e["pid"] for e in events if e["ph"] == "M" and e["name"] == "process_name" and isinstance(e["args"]["name"], str)}
    before, slices, flows, counters = 0, {}, {}, {}
    for e in events:
        assert e["ph"] in "MXstC" and isinstance(e["name"], str) and e["pid"] in named
        if e["ph"] == "M":
            continue
        assert isinstance(e["tid"], int) and e["ts"] >= before and isinstance(e["cat"], str)
        before = e["ts"]
        if e["ph"] == "X":
            assert e["dur"] >= 0 and {"name", "op"} <= set(e["args"])
            slices.setdefault((e["pid"], e["tid"]), []).append(e)
        elif e["ph"] in "st":
            flows.setdefault(e["id"], []).append(e)
        else:
            (name, value), = e["args"].items()
            assert value >= 0
            counters.setdefault((e["pid"], name), []).append(value)
    for row in slices.values():                          # of one thread: one behind the other
        for a, b in zip(row, row[1:]):
            assert a["ts"] + a["dur"] <= b["ts"] + 1e-6
    for start, end in flows.values():
        assert (start["ph"], end["ph"]) == ("s", "t") and start["pid"] != end["pid"] and start["name"] == end["name"]
        for e in (start, end):                           # it binds to the event that it lies in
            assert any(x["ts"] <= e["ts"] <= x["ts"] + x["dur"] for x in slices[e["pid"], e["tid"]])
    return slices, flows, counters


def test_the_trace_of_two_devices():
    timeline = tf.timeline.Timeline(two_devices())
    slices, flows, counters = check_format(timeline.generate_chrome_trace_format(show_memory=True))
    assert [(e["name"], e["ts"], e["dur"]) for e in slices[1, 0]] == \
        [("Add", 5, 1), ("Recv waits", 6, 47), ("Recv", 53, 2), ("Sum", 56, 100)]
    assert slices[0, 0][0]["args"] == {"name": "a", "op": "MatMul", "input0": "x", "input1": "w"}
    assert slices[1, 0][2]["args"]["bytes"] == 4000
    (start, end), = flows.values()
    assert start["name"] == "edge_a_0" and 50 <= start["ts"] <= 51 and 53 <= end["ts"] <= 55
    assert counters == {(0, "bytes"): [4000, 4000, 4000, 0, 100, 0], (1, "bytes"): [0, 0, 4000, 4000, 4008, 8]}
    _, flows, counters = check_format(timeline.generate_chrome_trace_format(show_dataflow=False))
    assert not flows and not counters
    trace = json.loads(timeline.generate_chrome_trace_format())
    assert trace["otherData"]["begin_micros_since_1970"] == pytest.approx(ORIGIN / 1000) and trace["displayTimeUnit"] == "ns"


def test_the_analysis():
    stats = two_devices()
    stats.dev_stats[0].at_peak = [("a", 4000)]
    analysis = tf.timeline.Timeline(stats).analyze_step_stats()
    most = analysis.allocator_maximums["cpu:0"]
    assert isinstance(analysis, tf.timeline.StepStatsAnalysis) and isinstance(most, tf.timeline.AllocationMaximum)
    assert "\n" not in analysis.chrome_trace.format_to_string() and "\n" in analysis.chrome_trace.format_to_string(pretty=True)
    assert json.loads(analysis.chrome_trace.format_to_string()) == json.loads(analysis.chrome_trace.format_to_string(pretty=True))


# ---- random graphs over four devices ----------------------------------------------------------------------------------------

@settings(max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.integers(0, 2 ** 32 - 1), st.integers(1, 60))
def test_of_any_graph_over_four_devices(seed, n_ops):
    recipe = Recipe(seed, n_ops)
    built = Built(recipe, cut=True)
    with tf.Session(graph=built.graph, config=devices(4)) as sess:
        for v in built.variables.values():
            sess.run(v.initializer)
        feeds = {t: data(recipe.steps[n][2], *recipe.types[n]) for t, n in built.feeds.items()}
        _, stats = traced(sess, built.fetches, feeds)
    sends = [n.transfer.key for d in stats.dev_stats for n in d.node_stats if n.kind == "Send"]
    recvs = [n.transfer.key for d in stats.dev_stats for n in d.node_stats if n.kind == "Recv"]
    timeline = tf.timeline.Timeline(stats)
    assert sorted(sends) == sorted(recvs) == sorted(s.stats.transfer.key for s, _ in timeline.transfers) and len(set(sends)) == len(sends)
    for send, recv in timeline.transfers:
        assert send.start <= recv.end and send.stats.transfer == recv.stats.transfer
        assert send.lane.device == send.stats.transfer.source and recv.lane.device == send.stats.transfer.destination
    for lane in timeline.lanes:
        assert all(0 <= s.start <= s.ready <= s.end <= timeline.nanoseconds for s in lane.spans)
        assert all(a.end <= b.start for a, b in zip(lane.spans, lane.spans[1:]))
        assert all(nbytes >= 0 for _, nbytes in lane.memory) and lane.busy + lane.waiting <= timeline.nanoseconds
        assert lane.peak[1] == max((nbytes for _, nbytes in lane.memory), default=0) == sum(nbytes for _, nbytes in lane.at_peak)
    path = timeline.critical_path
    if path:
        assert max(s.end for lane in timeline.lanes for s in lane.spans) == path[-1].end and path[0].cause is None
        assert all(a is b.cause and a.start <= b.end for a, b in zip(path, path[1:]))
    _, flows, _ = check_format(timeline.generate_chrome_trace_format(show_memory=True))
    assert len(flows) == len(sends)
    root = root_of(timeline.to_svg())
    assert len(lanes_of(root)) == len(timeline.lanes) and timeline.to_svg() == tf.timeline.Timeline(stats).to_svg()
    drawn = sum(1 + int((re.search(r"and ([\d,]+) transfers? more", told) or [0, "0"])[1].replace(",", "")) for told in arrows_of(root))
    assert drawn == len(sends)
