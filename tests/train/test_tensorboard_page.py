"""The real TensorBoard serves what minitf wrote, and a real browser draws it."""
import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

import minitf as tf

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
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
            sess.run(merged, {x: 1}, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
            writer.add_run_metadata(metadata, "a traced step", 20)
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
    subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'browser'}", "--window-size=1200,800",
                    "--virtual-time-budget=20000", f"--screenshot={picture}", f"{address}#{page}"], check=True, capture_output=True, timeout=120)
    pixels = np.array(Image.open(picture).convert("RGB")).astype(int)[80:, 320:]
    assert (np.abs(pixels - colour).max(-1) < 12).sum() > least
