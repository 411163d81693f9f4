"""The file `checkpoint`: TensorFlow's text form, read back whatever the paths are, and never trusted."""
import pytest

import minitf as tf
from minitf.train.checkpoint_management import CheckpointState


def test_the_text_form(tmp_path):
    tf.train.update_checkpoint_state(str(tmp_path), "/a/m-2", ["/a/m-1", "/a/m-2"])
    assert (tmp_path / "checkpoint").read_text() == 'model_checkpoint_path: "/a/m-2"\nall_model_checkpoint_paths: "/a/m-1"\nall_model_checkpoint_paths: "/a/m-2"\n'
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert (state.model_checkpoint_path, state.all_model_checkpoint_paths) == ("/a/m-2", ["/a/m-1", "/a/m-2"])


def test_the_latest_is_always_listed_last():
    assert tf.train.generate_checkpoint_state_proto("/d", "/d/m-3", ["/d/m-1"]).all_model_checkpoint_paths == ["/d/m-1", "/d/m-3"]
    assert tf.train.generate_checkpoint_state_proto("/d", "/d/m").all_model_checkpoint_paths == ["/d/m"]
    state = tf.train.generate_checkpoint_state_proto("d", "d/m-2", ["d/m-1", "/abs/m"])
    assert (state.model_checkpoint_path, state.all_model_checkpoint_paths) == ("m-2", ["m-1", "/abs/m", "m-2"])


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "ümläut", "it's", "\x01\x7f", "\udcff", "tab\t#:"])
def test_any_path_round_trips(tmp_path, name):
    tf.train.update_checkpoint_state(str(tmp_path), f"/d/{name}", [f"/d/{name}"])
    assert tf.train.get_checkpoint_state(str(tmp_path)).model_checkpoint_path == f"/d/{name}"
    (tmp_path / "checkpoint").read_bytes().decode("ascii")


def test_what_tensorflow_writes_is_read():
    state = CheckpointState.from_text('# a comment\nmodel_checkpoint_path: \'m\\303\\274\\x41\\n\'\n\nall_model_checkpoint_timestamps: 1.5e9\n'
                                      'all_model_checkpoint_timestamps: 7\nlast_preserved_timestamp: -1.25\n')
    assert state.model_checkpoint_path == "müA\n" and state.all_model_checkpoint_timestamps == [1.5e9, 7] and state.last_preserved_timestamp == -1.25
    assert CheckpointState.from_text(str(state)).__dict__ == state.__dict__


@pytest.mark.parametrize("text", ["model_checkpoint_path", 'model_checkpoint_path: "a', 'model_checkpoint_path: 3', 'from_text: "a"', 'x: "a"', "\0", "{}",
                                  "last_preserved_timestamp: x", 'last_preserved_timestamp: "a"', 'model_checkpoint_path: "a" "b"'])
def test_what_is_no_state_is_ignored_with_a_warning(tmp_path, text, caplog):
    (tmp_path / "checkpoint").write_text(text)
    assert tf.train.get_checkpoint_state(str(tmp_path)) is None and tf.train.latest_checkpoint(str(tmp_path)) is None
    assert "checkpoint ignored" in caplog.text and "line 1" in caplog.text


def test_a_state_without_a_checkpoint(tmp_path):
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(ValueError, match="Invalid checkpoint state loaded from"):
        tf.train.get_checkpoint_state(str(tmp_path))


def test_a_checkpoint_of_the_files_own_name(tmp_path):
    with pytest.raises(RuntimeError, match="conflicts with path used for checkpoint state"):
        tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "checkpoint"))
