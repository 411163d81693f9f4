"""Summaries and event files; the readers are those of the real TensorBoard."""
import io
import math
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import wave

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator

import minitf as tf
from minitf.platform.records import TFRecordWriter


def summary_of(op, feeds=None):
    with tf.Session() as sess:
        return tf.Summary.FromString(sess.run(op, feeds))


def only(op, feeds=None):
    value, = summary_of(op, feeds).value
    return value


class TestOps:
    def test_tags_follow_the_name_scopes(self):
        with tf.name_scope("layer"):
            first = tf.summary.scalar("loss/a b", 1.5)
        second = tf.summary.scalar("loss", 2, family="fam")
        assert (only(first).tag, only(first).simple_value, first.op.name) == ("layer/loss/a_b", 1.5, "layer/loss/a_b")
        assert (only(second).tag, only(second).simple_value, second.op.name) == ("fam/fam/loss", 2, "fam/loss")
        assert only(tf.summary.scalar("loss", 3)).tag == "loss"
        assert only(tf.summary.scalar("loss", 3)).tag == "loss_1"
        with pytest.raises(ValueError):
            tf.summary.scalar("vector", [1, 2])

    def test_the_spelling_of_2015_takes_tags_as_they_are(self):
        from minitf.ops.summary_ops import histogram_summary, image_summary, scalar_summary
        with tf.name_scope("layer"):
            both = scalar_summary(["a b", "c"], [1., 2.])
            h, i = histogram_summary("h h", [1.]), image_summary("i", tf.zeros([1, 2, 2, 1]), max_images=1)
        assert [(v.tag, v.simple_value) for v in summary_of(both).value] == [("a b", 1), ("c", 2)]
        assert only(h).tag == "h h" and only(i).tag == "i/image"
        x = tf.placeholder(tf.float32)
        with pytest.raises(tf.errors.InvalidArgumentError, match="2 and 3"):
            summary_of(scalar_summary(["a", "b"], x), {x: [1, 2, 3]})

    @pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.int32, tf.int64, tf.uint8])
    def test_histograms(self, dtype):
        values = np.random.RandomState(0).randint(0, 100, 500).astype(dtype.as_numpy_dtype)
        histo = only(tf.summary.histogram("h", tf.constant(values.reshape(5, 100)))).histo
        assert (histo.min, histo.max, histo.num, histo.sum) == (values.min(), values.max(), 500, values.sum())
        assert math.isclose(histo.sum_squares, np.square(values, dtype=np.float64).sum())
        low = -np.inf
        for limit, count in zip(histo.bucket_limit, histo.bucket):
            assert count == ((values >= low) & (values.astype(np.float64) < limit)).sum()
            low = limit
        assert sum(histo.bucket) == 500

    def test_histograms_of_little_and_of_what_is_not_finite(self):
        x = tf.placeholder(tf.float64)
        h = tf.summary.histogram("tag", x)
        extremes = [0., -0., 1e-300, -1e-13, np.finfo(np.float64).max, np.finfo(np.float64).min]
        assert sum(only(h, {x: extremes}).histo.bucket) == 6
        assert only(h, {x: np.zeros(0)}).histo.num == 0 and only(h, {x: 3.}).histo.num == 1
        for bad, text in ((np.nan, "Nan"), (np.inf, "Infinity")):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"{text} in summary histogram for: tag"):
                summary_of(h, {x: [1., bad]})

    @pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB"), (4, "RGBA")])
    def test_images(self, channels, mode):
        rng = np.random.RandomState(channels)
        pixels = rng.randint(0, 256, (5, 4, 6, channels)).astype(np.uint8)
        values = summary_of(tf.summary.image("i", pixels, max_outputs=2)).value
        assert [v.tag for v in values] == ["i/image/0", "i/image/1"]
        for value, wanted in zip(values, pixels):
            picture = Image.open(io.BytesIO(value.image.encoded_image_string))
            assert picture.mode == mode and np.array_equal(np.array(picture).reshape(wanted.shape), wanted)
            assert (value.image.height, value.image.width, value.image.colorspace) == (4, 6, channels)

    @pytest.mark.parametrize("pixels, wanted", [
        ([0., 1., 2., 4.], [0, 63, 127, 255]), ([-1., 0., .5, 1.], [1, 128, 191, 255]), ([0., 0., 0., 0.], [0, 0, 0, 0]), ([np.nan, np.inf, 0., 2.], [255, 255, 0, 255])])
    def test_float_images_are_scaled(self, pixels, wanted):
        image = np.reshape(np.float32(pixels), (1, 2, 2, 1))
        value = only(tf.summary.image("i", image, max_outputs=1))
        assert value.tag == "i/image"
        assert np.array(Image.open(io.BytesIO(value.image.encoded_image_string))).ravel().tolist() == wanted

    def test_images_that_are_none(self):
        with pytest.raises(ValueError, match="1, 3 or 4 channels"):
            tf.summary.image("i", tf.zeros([1, 2, 2, 2]))
        x = tf.placeholder(tf.float32)
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be rank 4 but is rank 2"):
            summary_of(tf.summary.image("i", x), {x: np.zeros((2, 2))})

    def test_audio_and_text(self):
        clip = np.sin(np.arange(800) / 10).reshape(1, 400, 2).astype(np.float32)
        value = only(tf.summary.audio("a", clip, 8000, max_outputs=1))
        with wave.open(io.BytesIO(value.audio.encoded_audio_string)) as sound:
            assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (2, 8000, 400)
            heard = np.frombuffer(sound.readframes(400), "<i2").reshape(400, 2) / 32767
        assert np.abs(heard - clip[0]).max() < 1 / 32767
        value = only(tf.summary.text("t", tf.constant(["*a*", "b"])))
        assert value.metadata.plugin_data.plugin_name == "text" and list(value.tensor.string_val) == [b"*a*", b"b"]

    def test_merge(self):
        assert tf.summary.merge_all() is None
        a, b = tf.summary.scalar("a", 1), tf.summary.histogram("b", [1.])
        assert [v.tag for v in summary_of(tf.summary.merge_all()).value] == ["a", "b"]
        assert tf.get_collection(tf.GraphKeys.SUMMARIES) == [a, b]
        c = tf.summary.scalar("c", 1, collections=["mine"])
        assert [v.tag for v in summary_of(tf.summary.merge_all("mine")).value] == ["c"]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Duplicate tag a found in summary inputs"):
            summary_of(tf.summary.merge([a, c, a]))


def events_of(folder):
    path, = folder.iterdir()
    return list(tf.train.summary_iterator(path))


class TestEventFiles:
    def test_the_real_tensorboard_reads_them(self, tmp_path):
        x = tf.placeholder(tf.float32, [], name="x")
        w = tf.Variable([1., 2.], name="w")
        tf.summary.scalar("curve", x * x)
        tf.summary.histogram("spread", w * x)
        tf.summary.image("picture", tf.reshape(w, [1, 1, 2, 1]), max_outputs=1)
        merged = tf.summary.merge_all()
        with tf.Session() as sess, tf.summary.FileWriter(str(tmp_path / "logs"), sess.graph) as writer:
            sess.run(w.initializer)
            metadata = tf.RunMetadata()
            for step in range(5):
                writer.add_summary(sess.run(merged, {x: step}), step)
            sess.run(merged, {x: 1}, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
            writer.add_run_metadata(metadata, "step005", 5)
            with pytest.raises(ValueError, match="tag was already used"):
                writer.add_run_metadata(metadata, "step005", 5)
        reader = event_accumulator.EventAccumulator(str(tmp_path / "logs"), size_guidance={"images": 0, "histograms": 0})
        reader.Reload()
        assert [(e.step, e.value) for e in reader.Scalars("curve")] == [(k, k * k) for k in range(5)]
        assert reader.Histograms("spread")[4].histogram_value.max == 8
        assert reader.Images("picture/image")[0].width == 2
        nodes = {n.name: n for n in reader.Graph().node}
        assert nodes["curve"].op == "ScalarSummary" and nodes["x"].attr["dtype"].type == 1
        stats = reader.RunMetadata("step005").step_stats.dev_stats[0]
        assert any("HistogramSummary" in n.timeline_label and n.all_end_rel_micros > 0 for n in stats.node_stats)

    def test_steps_times_and_messages(self, tmp_path):
        writer = tf.summary.FileWriter(tmp_path / "a" / "b", filename_suffix=".mine")
        assert writer.get_logdir() == str(tmp_path / "a" / "b") and writer.path.endswith(".mine")
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="t", simple_value=1)]), np.int64(7))
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 8)
        writer.add_graph(tf.get_default_graph().as_graph_def())
        writer.flush()
        events = events_of(tmp_path / "a" / "b")
        assert [e.WhichOneof("what") for e in events] == ["file_version", "summary", "session_log", "graph_def"]
        assert events[0].file_version == "brain.Event:2" and [e.step for e in events] == [0, 7, 8, 0]
        writer.close()
        with pytest.warns(UserWarning, match="closed FileWriter"):
            writer.add_summary(tf.Summary(), 1)
        writer.reopen()
        writer.close()
        assert len(list((tmp_path / "a" / "b").iterdir())) == 2
        with pytest.raises(tf.errors.DataLossError):
            tf.summary.FileWriter(tmp_path).add_summary(b"\xff\xff not a summary")
        with pytest.raises(ValueError, match="must be an instance of `Graph`"):
            tf.summary.FileWriter(tmp_path, 3)

    def test_metadata_is_told_once_a_tag(self, tmp_path):
        with tf.summary.FileWriter(tmp_path) as writer:
            for tag in ("a", "b", "a"):
                writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, metadata={"plugin_data": {"plugin_name": "text"}})]))
        assert [e.summary.value[0].HasField("metadata") for e in events_of(tmp_path)[1:]] == [True, True, False]

    def test_nothing_is_lost_when_the_program_just_ends(self, tmp_path):
        code = "import minitf as tf, sys\nw = tf.summary.FileWriter(sys.argv[1])\nw.add_summary(tf.Summary(value=[tf.Summary.Value(tag='t', simple_value=2)]), 3)"
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "logs")], check=True, timeout=60, cwd=pathlib.Path(tf.__file__).parents[1])
        assert events_of(tmp_path / "logs")[-1].summary.value[0].simple_value == 2

    def test_many_threads_write_whole_events(self, tmp_path):
        with tf.summary.FileWriter(tmp_path) as writer:
            def write(k):
                for step in range(200):
                    writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag=str(k) * 50, simple_value=step)]), step)
            threads = [threading.Thread(target=write, args=[k]) for k in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        events = events_of(tmp_path)[1:]
        for k in range(4):
            assert [e.step for e in events if e.summary.value[0].tag[0] == str(k)] == list(range(200))

    def test_damaged_files_are_a_data_loss(self, tmp_path):
        with tf.summary.FileWriter(tmp_path / "logs") as writer:
            for step in range(3):
                writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="t", simple_value=step)]), step)
        whole = pathlib.Path(writer.path).read_bytes()
        rng, target = np.random.RandomState(0), tmp_path / "damaged"
        for case in range(1500):
            damaged = bytearray(whole)
            if case % 3:
                damaged[rng.randint(len(whole))] ^= 1 << rng.randint(8)
            else:
                damaged = damaged[:rng.randint(len(whole))]
            target.write_bytes(bytes(damaged))
            read = []
            try:
                for event in tf.train.summary_iterator(target):
                    read.append(event.step)
            except tf.errors.DataLossError:
                pass
            else:
                assert len(damaged) < len(whole)               # cut between two records: nothing tells
            assert read == [0, 0, 1, 2][:len(read)]
        with TFRecordWriter(target) as records:
            records.write(b"\x0a\xff not an event")
        with pytest.raises(tf.errors.DataLossError, match="record 0: That is not a Event"):
            list(tf.train.summary_iterator(target))

    def test_a_writer_for_each_folder(self, tmp_path):
        from minitf.summary import FileWriterCache
        first = FileWriterCache.get(str(tmp_path / "a"))
        assert FileWriterCache.get(str(tmp_path / "a")) is first is not FileWriterCache.get(str(tmp_path / "b"))
        FileWriterCache.clear()
        assert FileWriterCache.get(str(tmp_path / "a")) is not first
        FileWriterCache.clear()
