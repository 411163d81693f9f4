"""The real TensorBoard serves what minitf wrote, and a real browser draws it."""
import json
import re
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

import minitf as tf

from .browser import BROWSER, FLAGS, Page

FULL = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
CURVE = (255, 112, 67)                                   # TensorBoard's first colour
SCOPE = (232, 232, 232)                                  # the inside of a name scope's box


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [], name="x")
        with tf.name_scope("square"):
            y = tf.multiply(x, x, name="y")
        tf.summary.scalar("curve", y)
        tf.summary.histogram("spread", y * tf.random_normal([50], seed=1))
        merged = tf.summary.merge_all()
        with tf.Session() as sess, tf.summary.FileWriter(str(folder), sess.graph) as writer:
            for step in range(20):
                writer.add_summary(sess.run(merged, {x: step}), step)
            metadata = tf.RunMetadata()
            sess.run(merged, {x: 1}, options=FULL, run_metadata=metadata)
            writer.add_run_metadata(metadata, "a traced step", 20)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [200, 200], name="x")
        with tf.device("/cpu:0"):
            w = tf.Variable(np.eye(200, dtype=np.float32), name="left/w")
            a = tf.nn.relu(tf.matmul(x, w, name="left/product") + 1., name="left/relu")
        with tf.device("/cpu:1"):
            b = tf.matmul(a, x, name="right/product")
        config = tf.ConfigProto(device_count={"CPU": 2})
        with tf.Session(config=config) as sess, tf.summary.FileWriter(str(folder / "two"), sess.graph) as writer:
            sess.run(w.initializer)
            metadata = tf.RunMetadata()
            sess.run(b, {x: np.ones([200, 200])}, options=FULL, run_metadata=metadata)
            writer.add_run_metadata(metadata, "two devices")
    return folder


@pytest.fixture(scope="module")
def address(logs):
    """A TensorBoard over the logs, on a free port of this machine's own."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--host", "127.0.0.1", "--port", "0", "--load_fast=false"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = ""
    for line in server.stderr:                           # ends when the server does; a server that hangs meets pytest's time-out
        said += line
        found = re.search(r"http://\S+", line)
        if found:
            break
    else:
        pytest.fail(f"TensorBoard did not start:\n{said}")
    yield found[0]
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=30)


def served(address, path):
    with urllib.request.urlopen(address + "data/plugin/" + path, timeout=30) as reply:
        return reply.read().decode()


def test_what_it_serves(address):
    assert "curve" in json.loads(served(address, "scalars/tags"))["."]
    assert [row[1:] for row in json.loads(served(address, "scalars/scalars?run=.&tag=curve"))] == [[k, k * k] for k in range(20)]
    assert len(json.loads(served(address, "histograms/histograms?run=.&tag=spread"))) == 20
    graph = served(address, "graphs/graph?run=.&conceptual=false")
    assert 'name: "square/y"' in graph and 'op: "Mul"' in graph
    assert "all_end_rel_micros" in served(address, "graphs/run_metadata?run=.&tag=a%20traced%20step")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: the page itself is not looked at")
@pytest.mark.parametrize("page, colour, least", [("scalars", CURVE, 300), ("graphs", SCOPE, 2000)])
def test_what_a_browser_draws(address, tmp_path, page, colour, least):
    picture = tmp_path / "page.png"
    subprocess.run([BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'browser'}", "--window-size=1200,800",
                    "--virtual-time-budget=20000", f"--screenshot={picture}", f"{address}#{page}"], check=True, capture_output=True, timeout=120)
    pixels = np.array(Image.open(picture).convert("RGB")).astype(int)[80:, 320:]
    assert (np.abs(pixels - colour).max(-1) < 12).sum() > least


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: the page itself is not looked at")
def test_a_traced_step_colours_the_graph_by_device_and_by_compute_time(address, tmp_path):
    controls = "find(document, 'tf-graph-controls')"
    with Page(f"{address}#graphs", tmp_path / "browser") as page:
        runs = page.wait_for(f"{controls} && {controls}.datasets && {controls}.datasets.map(d => [d.name, d.tags.map(t => t.tag)])")
        run, tags = next((number, tags) for number, (name, tags) in enumerate(runs) if name == "two")
        page.ask(f"void ({controls}._selectedRunIndex = {run})")
        page.ask(f"void ({controls}._selectedTagIndex = {tags.index('two devices')})")
        page.wait_for(f"{controls}.stats && {controls}.stats.dev_stats.some(d => d.device.endsWith('CPU:1'))")
        page.ask(f"void ({controls}.colorBy = 'device')")
        # nodes that were not in the step keep the device that they ask for, a partial name
        placed = f"{controls}.colorByParams.device.filter(d => d.device.startsWith('/job:localhost/'))"
        devices = page.wait_for(f"(d => d.length == 2 && d)({placed})")
        colour = {d["device"][-5:]: d["color"] for d in devices}
        assert sorted(colour) == ["CPU:0", "CPU:1"] and colour["CPU:0"] != colour["CPU:1"]
        scene = "find(document, 'tf-graph-scene')"
        drawn = f"{scene}.shadowRoot.querySelectorAll"
        stops = f"['left', 'right'].map(n => [...{drawn}(`#device-${{n}} stop`)].map(s => s.getAttribute('stop-color')))"
        left, right = page.wait_for(f"(s => s[0].length && s[1].length && s)({stops})")       # a scope has the colours of what is in it
        assert colour["CPU:0"] in left and colour["CPU:1"] not in left and set(right) == {colour["CPU:1"]}
        assert page.ask(f"{controls}.colorByParams.compute_time.maxValue") > 0
        assert page.ask(f"{controls}.colorByParams.memory.maxValue") >= 160_000
        page.ask(f"void ({controls}.colorBy = 'compute_time')")
        shapes = f"[...{drawn}('g.node[data-name=left] .nodeshape rect, g.node[data-name=right] .nodeshape rect')]"
        fills = page.wait_for(f"(f => f.length >= 2 && f.every(c => c.startsWith('rgb')) && f)({shapes}.map(rect => rect.style.fill))")
        assert all(r > b for r, _, b in (map(int, re.findall(r"\d+", fill)) for fill in fills))                   # shades of red
        fed = page.ask(f"{scene}.renderHierarchy.hierarchy.node('x').stats.outputSize")       # it took no instruction, but was used
        assert fed == [[200, 200]]
