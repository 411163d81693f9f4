import logging
import pathlib

import numpy as np
import pytest

import minitf as tf


@pytest.fixture
def lines(caplog):
    """What was logged: (level, text)."""
    before = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.INFO)
    yield lambda: [(r.levelname, r.getMessage()) for r in caplog.records]
    tf.logging.set_verbosity(before)


def test_levels(lines, caplog):
    tf.logging.debug("dropped")
    tf.logging.info("step %d", 3)
    tf.logging.warn("a")
    tf.logging.warning("b")
    tf.logging.error("c")
    tf.logging.fatal("d")
    tf.logging.log(tf.logging.ERROR, "%s", "e")
    tf.logging.vlog(5, "dropped")
    tf.logging.log_if(tf.logging.INFO, "f", True)
    tf.logging.log_if(tf.logging.INFO, "dropped", False)
    tf.logging.flush()
    assert lines() == [("INFO", "step 3"), ("WARNING", "a"), ("WARNING", "b"), ("ERROR", "c"), ("CRITICAL", "d"), ("ERROR", "e"), ("INFO", "f")]
    assert {r.filename for r in caplog.records} == {"test_logging_and_compat.py"}


def test_log_every_and_first(lines):
    for i in range(7):
        tf.logging.log_every_n(tf.logging.INFO, "every %d", 3, i)
        tf.logging.log_first_n(tf.logging.INFO, "first %d", 2, i)
    assert [text for _, text in lines()] == ["every 0", "first 0", "first 1", "every 3", "every 6"]


def test_messages_go_to_stderr_unless_the_program_says_where(capsys):
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        tf.logging.warn("here")
        tf.logging.info("not here: the verbosity is WARN")
    finally:
        root.handlers = handlers
    assert capsys.readouterr().err == "WARNING:minitf:here\n"
    tf.logging.warn("there")
    assert capsys.readouterr().err == ""


def test_bytes_and_text():
    assert tf.compat.as_bytes("é") == tf.compat.as_bytes(b"\xc3\xa9") == b"\xc3\xa9"
    assert tf.compat.as_text(b"\xc3\xa9") == tf.compat.as_str("é") == tf.compat.as_str_any("é".encode()) == "é"
    assert tf.compat.as_str_any(3) == "3" and tf.compat.as_text(b"\xe9", "latin-1") == "é"
    for function in (tf.compat.as_bytes, tf.compat.as_text, tf.compat.as_str):
        with pytest.raises(TypeError, match="Expected binary or unicode string, got 3"):
            function(3)
    assert tf.compat.path_to_str(pathlib.Path("a") / "b") == "a/b" and tf.compat.path_to_str("c") == "c"


def test_kinds_of_numbers():
    for value, kinds in ((3, "irc"), (np.int32(3), "irc"), (2.5, "rc"), (np.float32(2.5), "rc"), (1j, "c"), ("x", "")):
        assert "".join(k for k, types in zip("irc", (tf.compat.integral_types, tf.compat.real_types, tf.compat.complex_types)) if isinstance(value, types)) == kinds
    assert isinstance("x", tf.compat.bytes_or_text_types) and isinstance(b"x", tf.compat.bytes_or_text_types)
