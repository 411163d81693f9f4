"""Saver: what is saved is restored; which checkpoints stay; what is wrong is told, and nothing has changed then."""
import os
import random
import resource
import signal
import threading
import time

import numpy as np
import pytest

import minitf as tf
from minitf.platform import checkpoint_file
from minitf.train import saver as saver_module


def files(folder):
    return sorted(os.listdir(folder))


def values(sess, variables):
    return [np.asarray(v).tolist() for v in sess.run(variables)]


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.int32, tf.int64, tf.int16, tf.int8, tf.uint8, tf.bool, tf.string])
@pytest.mark.parametrize("shape", [[], [0], [3], [2, 0], [2, 3, 2]])
def test_every_dtype_and_shape(session, tmp_path, dtype, shape):
    n = int(np.prod(shape))
    value = np.array([b"%d" % k for k in range(n)] if dtype is tf.string else np.arange(n) % 2, dtype.as_numpy_dtype).reshape(shape)
    v, other = tf.Variable(tf.constant(value, dtype), name="v"), tf.Variable(1.5, name="other")
    saver = tf.train.Saver()
    session.run(tf.global_variables_initializer())
    path = saver.save(session, str(tmp_path / "model"))
    with tf.Session() as fresh:
        saver.restore(fresh, path)
        found = fresh.run(v)
        found = np.asarray(found, object if dtype is tf.string else None)
        assert found.dtype == value.dtype and found.shape == value.shape and found.tolist() == value.tolist()
        assert fresh.run(other) == 1.5


def test_names_are_those_of_the_ops_or_the_keys(session, tmp_path):
    with tf.variable_scope("layer"):
        w, b = tf.get_variable("w", [2]), tf.get_variable("b", initializer=tf.zeros([3]))
    local = tf.Variable(0, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False)
    session.run([tf.global_variables_initializer(), local.initializer])
    folder = str(tmp_path)
    tf.train.Saver().save(session, folder + "/all")
    tf.train.Saver([b, local]).save(session, folder + "/list")
    tf.train.Saver({"weights": w, "x/y": b}).save(session, folder + "/dict")
    assert tf.train.list_variables(folder + "/all") == [("layer/b", [3]), ("layer/w", [2])]
    assert tf.train.list_variables(folder + "/list") == [("Variable", []), ("layer/b", [3])]
    assert tf.train.list_variables(folder + "/dict") == [("weights", [2]), ("x/y", [3])]
    assert tf.train.list_variables(folder) == [("weights", [2]), ("x/y", [3])]
    assert tf.train.load_variable(folder + "/dict", "weights:0").tolist() == session.run(w).tolist()


def test_the_ops_and_their_names(session):
    tf.Variable(1., name="a")
    d = tf.train.Saver(max_to_keep=3, keep_checkpoint_every_n_hours=2).as_saver_def()
    assert (d.filename_tensor_name, d.save_tensor_name, d.restore_op_name) == ("save/Const:0", "save/control_dependency:0", "save/restore_all")
    assert (d.max_to_keep, d.sharded, d.keep_checkpoint_every_n_hours) == (3, False, 2)
    again = tf.train.Saver(name="mine").saver_def
    assert again.restore_op_name == "mine/restore_all"
    assert tf.get_default_graph().get_operation_by_name("save/SaveV2").inputs[-1].name == "a:0"


def test_what_the_constructor_refuses(session):
    with pytest.raises(ValueError, match="^No variables to save$"):
        tf.train.Saver()
    empty = tf.train.Saver(allow_empty=True)
    assert empty.save(session, "/nowhere/at/all") is None and empty.restore(session, "/nowhere") is None
    a, b = tf.Variable(1., name="a"), tf.Variable(2., name="b")
    for var_list, kind, message in [
            ([a, b, a], ValueError, "At least two variables have the same name: a"),
            ({"x": a, "y": a}, ValueError, "The same saveable will be restored with two names: y"),
            ([a, "b"], TypeError, "Variable to save is not a Variable: b"),
            ({"x": tf.constant(1.)}, TypeError, "Variable to save is not a Variable"),
            ({3: a}, TypeError, "Name is not a string: 3"),
            (a, TypeError, "should be passed in a dict or a list"),
            ({"x": [a, b]}, ValueError, "Slices must all be slices")]:
        with pytest.raises(kind, match=message):
            tf.train.Saver(var_list)
    with pytest.raises(ValueError, match="build cannot be deferred"):
        tf.train.Saver([a], defer_build=True)
    with pytest.raises(ValueError, match="saver_def must specify the save_tensor_name"):
        tf.train.Saver(saver_def=tf.train.SaverDef(filename_tensor_name="x:0"))


def test_deferred_build(session, tmp_path):
    saver = tf.train.Saver(defer_build=True)
    v = tf.Variable(3., name="v")
    for use in (saver.save, saver.restore):
        with pytest.raises(RuntimeError, match="should be called before (save|restore) if defer_build==True"):
            use(session, str(tmp_path / "m"))
    saver.build()
    n = tf.get_default_graph().version
    saver.build()
    assert tf.get_default_graph().version == n
    session.run(v.initializer)
    saver.save(session, str(tmp_path / "m"))
    assert tf.train.list_variables(str(tmp_path)) == [("v", [])]


# ---- which checkpoints stay ---------------------------------------------------------------------------------------------------

@pytest.fixture
def v(session):
    v = tf.Variable(0, name="v")
    session.run(v.initializer)
    return v


def test_steps_and_file_names(session, v, tmp_path):
    folder, step = str(tmp_path), tf.Variable(7, trainable=False, name="global_step")
    session.run(step.initializer)
    saver = tf.train.Saver([v], max_to_keep=None)
    assert saver.save(session, folder + "/m") == folder + "/m"
    assert [saver.save(session, folder + "/m", s) for s in (3, np.int64(4), step, step.value(), "global_step:0")] == \
        [f"{folder}/m-{n}" for n in (3, 4, 7, 7, 7)]
    assert tf.train.Saver([v], pad_step_number=True).save(session, folder + "/m", 12) == folder + "/m-00000012"
    assert saver.last_checkpoints == []


def test_the_latest_are_kept_and_the_list_is_in_order(session, v, tmp_path):
    folder, saver = str(tmp_path), tf.train.Saver(max_to_keep=3)
    assert tf.train.latest_checkpoint(folder) is None and tf.train.get_checkpoint_state(folder) is None
    for step in (1, 2, 3, 4, 5, 4):
        session.run(v.assign(10 * step))
        path = saver.save(session, folder + "/m", step)
        assert tf.train.latest_checkpoint(folder) == path and tf.train.load_variable(folder, "v") == 10 * step
    assert saver.last_checkpoints == [f"{folder}/m-{n}" for n in (3, 5, 4)]
    assert files(folder) == ["checkpoint", "m-3", "m-3.meta", "m-4", "m-4.meta", "m-5", "m-5.meta"]
    state = tf.train.get_checkpoint_state(folder)
    assert state.model_checkpoint_path == path and state.all_model_checkpoint_paths == saver.last_checkpoints
    assert tf.train.get_checkpoint_mtimes([path, folder + "/none"]) == [os.stat(path).st_mtime_ns / 1e9]
    tf.train.remove_checkpoint(path)
    assert files(folder) == ["checkpoint", "m-3", "m-3.meta", "m-5", "m-5.meta"]
    assert tf.train.latest_checkpoint(folder) is None, "what the file names is gone"


def test_one_every_so_many_hours_stays(session, v, tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(saver_module.time, "time", lambda: now[0])
    saver = tf.train.Saver(max_to_keep=2, keep_checkpoint_every_n_hours=1)
    for step in range(10):
        saver.save(session, str(tmp_path / "m"), step, write_meta_graph=False)
        now[0] += 1500
    assert files(tmp_path) == ["checkpoint", "m-3", "m-5", "m-8", "m-9"]


def test_a_restarted_program_goes_on_with_the_list(session, v, tmp_path):
    folder, first = str(tmp_path), tf.train.Saver(max_to_keep=2)
    for step in (1, 2):
        first.save(session, folder + "/m", step, write_meta_graph=False)
    second = tf.train.Saver(max_to_keep=2)
    second.recover_last_checkpoints(tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths + [folder + "/gone"])
    assert second.last_checkpoints == first.last_checkpoints
    second.save(session, folder + "/m", 3, write_meta_graph=False)
    assert files(folder) == ["checkpoint", "m-2", "m-3"]
    third = tf.train.Saver(max_to_keep=1, keep_checkpoint_every_n_hours=1)
    third.set_last_checkpoints_with_time([(folder + "/m-2", 0.0)])
    third.save(session, folder + "/m", 4, write_meta_graph=False)
    third.set_last_checkpoints([folder + "/m-3"])          # of an unknown time: the hourly rule keeps it
    third.save(session, folder + "/m", 5, write_meta_graph=False)
    assert files(folder) == ["checkpoint", "m-3", "m-4", "m-5"]


def test_without_state_and_with_another_name_for_it(session, v, tmp_path):
    folder, saver = str(tmp_path), tf.train.Saver(max_to_keep=1)
    saver.save(session, folder + "/a", write_state=False, write_meta_graph=False)
    saver.save(session, folder + "/b", latest_filename="list", meta_graph_suffix="graph")
    assert files(folder) == ["a", "b", "b.graph", "list"] and saver.last_checkpoints == [folder + "/b"]
    assert tf.train.latest_checkpoint(folder) is None and tf.train.latest_checkpoint(folder, "list") == folder + "/b"
    with pytest.raises(ValueError, match="must not contain path components"):
        saver.save(session, folder + "/b", latest_filename="x/list")
    with pytest.raises(ValueError, match="'latest_filename' collides with 'save_path'"):
        saver.save(session, folder + "/checkpoint")
    with pytest.raises(TypeError, match="'sess' must be a Session"):
        saver.save(None, folder + "/b")


def test_relative_paths(session, v, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("train")
    assert tf.train.Saver().save(session, "train/m", 1, write_meta_graph=False) == "train/m-1"
    assert open("train/checkpoint").read() == 'model_checkpoint_path: "m-1"\nall_model_checkpoint_paths: "m-1"\n'
    assert tf.train.latest_checkpoint("train") == "train/m-1"
    tf.train.Saver(save_relative_paths=True).save(session, str(tmp_path / "train" / "m"), 2, write_meta_graph=False)
    os.rename("train", "moved")
    assert tf.train.latest_checkpoint("moved") == "moved/m-2"
    tf.train.Saver().save(session, "m", write_meta_graph=False)
    assert tf.train.latest_checkpoint(".") == "./m" and tf.train.latest_checkpoint("") == "m"


# ---- restoring ----------------------------------------------------------------------------------------------------------------

def saved(session, folder, **shapes):
    """A checkpoint with variables of other graphs: {name: array}."""
    path = os.path.join(folder, "given")
    checkpoint_file.write_checkpoint(path, [(name.replace("__", "/"), value, None) for name, value in shapes.items()])
    return path


def test_restore_says_all_that_is_wrong_and_changes_nothing(session, tmp_path):
    path = saved(session, tmp_path, layer__weights=np.ones(2, np.float32), w=np.ones((3, 2), np.float32), b=np.ones(4, np.float64), c=np.float32(1))
    w, b, c, d = tf.Variable(tf.zeros([2, 3]), name="w"), tf.Variable(tf.zeros([4]), name="b"), tf.Variable(0., name="c"), \
        tf.Variable(tf.zeros([2]), name="layer/weight")
    session.run(tf.global_variables_initializer())
    with pytest.raises(tf.errors.NotFoundError) as caught:
        tf.train.Saver().restore(session, path)
    assert str(caught.value).split("\n") == [
        f'Tensor name "layer/weight" not found in checkpoint files {path}',
        "In the graph, not in the checkpoint (1):",
        "  layer/weight float32[2]; nearest: layer/weights",
        "Of another dtype or shape (2):",
        "  b float32[4]; in the checkpoint float64[4]",
        "  w float32[2,3]; in the checkpoint float32[3,2]",
        "In the checkpoint, not restored (1):",
        "  layer/weights float32[2]",
        "Nothing was restored. The names in the checkpoint are given to Saver as the keys of a dict var_list."]
    assert values(session, [w, b, c, d]) == [[[0] * 3] * 2, [0] * 4, 0, [0, 0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"shapes of both tensors to match. lhs shape= \[2,3\] rhs shape= \[3,2\]"):
        tf.train.Saver([w, c]).restore(session, path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="tensor_name = b; expected dtype float32 does not equal original dtype float64"):
        tf.train.Saver([b, c]).restore(session, path)
    assert session.run(c) == 0
    tf.train.Saver({"c": c, "layer/weights": d}).restore(session, path)
    assert values(session, [c, d]) == [1, [1, 1]]


def test_reshape(session, tmp_path):
    path = saved(session, tmp_path, w=np.arange(6, dtype=np.float32).reshape(3, 2))
    w = tf.Variable(tf.zeros([2, 3]), name="w")
    tf.train.Saver(reshape=True).restore(session, path)
    assert session.run(w).tolist() == [[0, 1, 2], [3, 4, 5]]
    tf.Variable(tf.zeros([4]), name="x")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"lhs shape= \[4\] rhs shape= \[5\]"):
        tf.train.Saver(reshape=True).restore(session, saved(session, tmp_path, w=np.zeros(6, np.float32), x=np.zeros(5, np.float32)))


def test_a_variable_of_any_shape_takes_what_there_is(session, tmp_path):
    w = tf.Variable(tf.zeros([2]), validate_shape=False, name="w")
    w.set_shape(tf.TensorShape(None))
    tf.train.Saver().restore(session, saved(session, tmp_path, w=np.ones((2, 2), np.float32)))
    assert session.run(w).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("sequentially", [False, True])
def test_many_variables(session, tmp_path, sequentially):
    variables = [tf.Variable(tf.fill([n % 5], float(n)), name=f"v{n}") for n in range(50)]
    saver = tf.train.Saver(restore_sequentially=sequentially)
    session.run(tf.global_variables_initializer())
    expected, path = values(session, variables), saver.save(session, str(tmp_path / "m"))
    session.run([v.assign(v * 0. - 1.) for v in variables])
    saver.restore(session, path)
    assert values(session, variables) == expected
    assert sum(op.type == "RestoreV2" for op in tf.get_default_graph().get_operations()) == (50 if sequentially else 1)


def test_paths_that_are_no_checkpoint(session, v, tmp_path):
    saver = tf.train.Saver()
    with pytest.raises(ValueError, match="Can't load save_path when it is None"):
        saver.restore(session, None)
    for path in (str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(ValueError, match=f"The passed save_path is not a valid checkpoint: {path}"):
            saver.restore(session, path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(tf.errors.DataLossError, match="is not a checkpoint"):
        saver.restore(session, str(tmp_path / "text"))
    with pytest.raises(tf.errors.NotFoundError, match="Failed to find any matching files for none"):
        tf.train.NewCheckpointReader("none")
    with pytest.raises(ValueError, match=f"Couldn't find 'checkpoint' file or checkpoints in given directory {tmp_path}"):
        tf.train.load_checkpoint(str(tmp_path))


def test_a_damaged_tensor_is_told_before_any_variable_changes(session, tmp_path):
    a, b = tf.Variable(tf.zeros([100]), name="a"), tf.Variable(tf.zeros([100]), name="b")
    saver = tf.train.Saver()
    session.run(tf.global_variables_initializer())
    path = saver.save(session, str(tmp_path / "m"))
    session.run([a.assign(tf.ones([100])), b.assign(tf.ones([100]))])
    data = bytearray(open(path, "rb").read())
    data[-1] ^= 1
    open(path, "wb").write(data)
    with pytest.raises(tf.errors.DataLossError, match="checksum of 'b' does not agree") as caught:
        saver.restore(session, path)
    assert caught.value.op.type == "RestoreV2"
    assert session.run(a).sum() == session.run(b).sum() == 100


def test_the_ops_themselves_name_what_is_missing(session, tmp_path):
    """Where a server restores, its own error comes back."""
    from minitf.ops.io_ops import restore_v2, save_v2
    path = saved(session, tmp_path, w=np.ones(4, np.float32))
    for names, slices, dtypes, kind, message in [
            (["x"], [""], [tf.float32], tf.errors.NotFoundError, 'Tensor name "x" not found in checkpoint files'),
            (["w"], [""], [tf.int32], tf.errors.InvalidArgumentError, "expected dtype int32"),
            (["w"], ["5 0,2"], [tf.float32], tf.errors.InvalidArgumentError, "does not match the shape stored"),
            ([b"\xff"], [""], [tf.float32], tf.errors.InvalidArgumentError, "not UTF-8"),
            (["w", "x"], [""], [tf.float32], tf.errors.InvalidArgumentError, "one element for each of 1 tensors")]:
        with pytest.raises(kind, match=message):
            session.run(restore_v2(path, names, slices, dtypes))
    with pytest.raises(ValueError, match="not a shape and a slice"):
        restore_v2(path, ["w"], ["4 x"], [tf.float32])
    with pytest.raises(tf.errors.InvalidArgumentError, match="'a' is there twice"):
        session.run(save_v2(path, ["a", "a"], ["", ""], [tf.constant(1.), tf.constant(2)]))
    part, whole = restore_v2(path, ["w", "w"], ["4 1,2", ""], [tf.float32, tf.float32])
    assert part.shape.as_list() == [2] and whole.shape.ndims is None
    assert session.run([part, whole])[0].tolist() == [1, 1]
    session.run(save_v2(path, ["s", "s"], ["2 0,1", "2 1,1"], [["a"], ["b"]]))
    assert tf.train.load_variable(path, "s").tolist() == [b"a", b"b"]


def test_a_partitioned_variable_is_saved_whole(session, tmp_path):
    w = tf.get_variable("w", [5, 2], initializer=tf.random_normal_initializer(), partitioner=tf.fixed_size_partitioner(3))
    c = tf.get_variable("c", [2, 4], initializer=tf.ones_initializer(), partitioner=tf.fixed_size_partitioner(2, axis=1))
    session.run(tf.global_variables_initializer())
    whole = session.run(tf.convert_to_tensor(w))
    path = tf.train.Saver().save(session, str(tmp_path / "m"))
    assert tf.train.list_variables(path) == [("c", [2, 4]), ("w", [5, 2])]
    assert tf.train.load_variable(path, "w").tolist() == whole.tolist()
    assert tf.train.list_variables(tf.train.Saver([w, c]).save(session, str(tmp_path / "n"))) == [("c", [2, 4]), ("w", [5, 2])]
    assert tf.train.list_variables(tf.train.Saver({"x": w, "y": list(c)}).save(session, str(tmp_path / "o"))) == [("x", [5, 2]), ("y", [2, 4])]
    for wrong in ([w, w], [*w, w]):
        with pytest.raises(ValueError, match="At least two variables have the same name: w|same saveable will be restored with two names: w"):
            tf.train.Saver(wrong)
    with tf.Graph().as_default(), tf.Session() as sess:
        halves = tf.get_variable("halves", [5, 2], partitioner=tf.fixed_size_partitioner(2))
        all_of_it = tf.get_variable("all", [5, 2])
        tf.train.Saver({"w": halves}).restore(sess, path)
        tf.train.Saver({"w": all_of_it}).restore(sess, path)
        assert sess.run(tf.convert_to_tensor(halves)).tolist() == sess.run(all_of_it).tolist() == whole.tolist()
        other = tf.get_variable("other", [6, 2], partitioner=tf.fixed_size_partitioner(2))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"w float32\[3,2\]; in the checkpoint float32\[5,2\]"):
            tf.train.Saver({"w": other}).restore(sess, path)


def test_several_devices(tmp_path):
    with tf.Graph().as_default():
        variables = []
        for n in range(4):
            with tf.device(f"/cpu:{n % 3}"):
                variables.append(tf.Variable(tf.fill([1000], float(n)), name=f"v{n}"))
        saver = tf.train.Saver()
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": 3})) as sess:
            sess.run(tf.global_variables_initializer())
            path = saver.save(sess, str(tmp_path / "m"))
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": 3})) as sess:
            saver.restore(sess, path)
            assert [x.mean() for x in sess.run(variables)] == [0, 1, 2, 3]


def test_each_process_reads_its_own_variables():
    with tf.Graph().as_default() as graph:
        for n in range(3):
            with tf.device(f"/job:ps/task:{n % 2}/cpu:1"):
                tf.Variable(0., name=f"v{n}")
        tf.train.Saver()
        restores = [op for op in graph.get_operations() if op.type == "RestoreV2"]
        assert [op.device for op in restores] == ["/job:ps/task:0/device:CPU:0", "/job:ps/task:1/device:CPU:0"]
        assert [list(op.inputs[1].op.attrs["value"]) for op in restores] == [[b"v0", b"v2"], [b"v1"]]


def test_a_snapshot_while_other_steps_update(session, tmp_path):
    """What one step saves is what each variable had at one moment: no array is half old and half new."""
    v = tf.Variable(tf.zeros([100_000]), name="v")
    add, saver, stop = v.assign_add(tf.ones([100_000])).op, tf.train.Saver(), threading.Event()
    session.run(v.initializer)

    def update():
        while not stop.is_set():
            session.run(add)
    thread = threading.Thread(target=update)
    thread.start()
    try:
        for n in range(20):
            found = tf.train.load_variable(saver.save(session, str(tmp_path / "m"), write_meta_graph=False), "v")
            assert found.min() == found.max()
    finally:
        stop.set()
        thread.join()


# ---- failures while saving ----------------------------------------------------------------------------------------------------

def test_a_folder_that_is_not_there(session, v, tmp_path):
    with pytest.raises(ValueError, match="Parent directory of .*no/m doesn't exist, can't save."):
        tf.train.Saver().save(session, str(tmp_path / "no" / "m"))


def test_an_uninitialised_variable(session, tmp_path):
    tf.Variable(1., name="never")
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value never"):
        tf.train.Saver().save(session, str(tmp_path / "m"))
    assert files(tmp_path) == []


def test_a_full_disk_leaves_the_last_good_one(session, tmp_path):
    v, folder = tf.Variable(tf.ones([10_000]), name="v"), str(tmp_path)
    session.run(v.initializer)
    saver = tf.train.Saver(max_to_keep=1)
    saver.save(session, folder + "/m", 1)
    before, limits = files(folder), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(tf.errors.ResourceExhaustedError, match=f"{folder}/m-2; File too large"):
            saver.save(session, folder + "/m", 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(folder) == before and tf.train.load_variable(tf.train.latest_checkpoint(folder), "v").sum() == 10_000
    saver.save(session, folder + "/m", 3)
    assert files(folder) == ["checkpoint", "m-3", "m-3.meta"]


def test_an_old_one_is_deleted_only_when_the_list_no_longer_has_it(session, v, tmp_path, monkeypatch):
    folder, saver = str(tmp_path), tf.train.Saver(max_to_keep=1)
    saver.save(session, folder + "/m", 1)

    def refuse(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "full")
    monkeypatch.setattr(saver_module, "update_checkpoint_state", refuse)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        saver.save(session, folder + "/m", 2)
    assert tf.train.latest_checkpoint(folder) == folder + "/m-1" and tf.train.load_variable(folder, "v") == 0


def test_killed_while_saving_the_latest_that_is_listed_is_whole(tmp_path):
    """The list, the file, its meta graph, and the deletion of old ones: whatever the order, the next process finds a good one."""
    folder, chance, first = str(tmp_path), random.Random(1), 0
    with tf.Graph().as_default(), tf.Session() as sess:
        step, w = tf.Variable(0, name="step"), tf.Variable(tf.zeros([20_000]), name="w")
        go, saver = tf.group(step.assign_add(1), w.assign_add(tf.ones([20_000]))), tf.train.Saver(max_to_keep=2)
        sess.run(tf.global_variables_initializer())
        for attempt in range(25):
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    while True:
                        sess.run(go)
                        saver.save(sess, folder + "/m", step)
                        os.write(write, b".")
                finally:
                    os._exit(1)
            os.close(write)
            assert os.read(read, 1) == b"."
            time.sleep(chance.random() * 0.02)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            saved = 1 + len(os.read(read, 1 << 16))
            os.close(read)
            latest = tf.train.latest_checkpoint(folder)
            saver.restore(sess, latest)
            n = sess.run(step)
            assert first + saved <= n <= first + saved + 1 and (sess.run(w) == n).all() and latest == f"{folder}/m-{n}"
            with tf.Graph().as_default():
                tf.train.import_meta_graph(latest + ".meta")
            saver.recover_last_checkpoints(tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths)
            first = int(n)
            assert len(files(folder)) <= 1 + 2 * 4 + 2 * (attempt + 1)
        assert not [name for name in files(folder)[1:] if name.endswith(".part")][1:]


def test_saving_does_not_grow_the_graph(session, v, tmp_path):
    saver = tf.train.Saver()
    tf.get_default_graph().finalize()
    for step in range(3):
        saver.restore(session, saver.save(session, str(tmp_path / "m"), step))
