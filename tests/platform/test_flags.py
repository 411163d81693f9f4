"""Flags: what the command line gives, what it may not give, and tf.app.run()."""
import subprocess
import sys
import textwrap

import pytest

import minitf as tf
from minitf.platform import flags as module


@pytest.fixture
def flags(monkeypatch):
    """The module with no flag defined, and a function that parses a line."""
    values = module.FlagValues()
    monkeypatch.setattr(module, "FLAGS", values)
    module.DEFINE_string("name", "none", "a name, 100% text")
    module.DEFINE_integer("count", 3, "how many")
    module.DEFINE_float("rate", 1, "learning rate")
    module.DEFINE_boolean("fast", False, "hurry")
    module.DEFINE_bool("safe", True, "take care")
    module.DEFINE_string("empty", None, "nothing")
    module.DEFINE_enum("mode", "train", ["train", "eval"], "what to do")
    module.DEFINE_list("layers", "a,b", "names")
    return values


DEFAULTS = {"name": "none", "count": 3, "rate": 1.0, "fast": False, "safe": True, "empty": None, "mode": "train", "layers": ["a", "b"]}


@pytest.mark.parametrize("line, changed, rest", [
    ("", {}, []), ("--name=x --count=5", {"name": "x", "count": 5}, []), ("--name x --count 5", {"name": "x", "count": 5}, []),
    ("-name=x", {"name": "x"}, []), ("--rate=1e-3", {"rate": 1e-3}, []), ("--rate=2", {"rate": 2.0}, []), ("--count -4", {"count": -4}, []),
    ("--name=--x=1", {"name": "--x=1"}, []), ("--name=", {"name": ""}, []), ("--fast", {"fast": True}, []), ("--fast=true", {"fast": True}, []),
    ("--fast=F", {"fast": False}, []), ("--nosafe", {"safe": False}, []), ("--safe=0", {"safe": False}, []), ("--fast file", {"fast": True}, ["file"]),
    ("a --count 4 b", {"count": 4}, ["a", "b"]), ("--count=4 -- --count=5 x", {"count": 4}, ["--count=5", "x"]), ("--count=4 --count=5", {"count": 5}, []),
    ("--mode eval --layers=x,y,z", {"mode": "eval", "layers": ["x", "y", "z"]}, []), ("--layers=", {"layers": []}, []),
])
def test_command_line(flags, monkeypatch, line, changed, rest):
    monkeypatch.setattr(sys, "argv", ["prog", *line.split()])
    assert flags.flag_values_dict() == {**DEFAULTS, **changed}
    assert type(flags.rate) is float
    assert flags(["prog", *line.split()]) == ["prog", *rest]
    assert flags._parse_flags(line.split()) == rest and getattr(flags, "__flags") == {**DEFAULTS, **changed}


@pytest.mark.parametrize("line, message", [
    ("--cuont=4", "unrecognized argument --cuont=4: There is no flag 'cuont'; the nearest are count"), ("--count=x", "argument --count: invalid integer value: 'x'"),
    ("--fast=maybe", "argument --fast: invalid boolean value: 'maybe'"), ("--name", "argument --name: expected one argument"),
    ("--nocount", "unrecognized argument --nocount"), ("--mode=run", "invalid choice: 'run'"), ("--coun=3", "unrecognized argument --coun=3"),
])
def test_a_wrong_command_line_ends_the_program(flags, capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        flags(["/bin/prog.py", *line.split()])
    shown = capsys.readouterr().err
    assert stop.value.code == 2 and message in shown and shown.startswith("usage: prog.py ")


def test_help_lists_every_flag(flags, capsys):
    with pytest.raises(SystemExit) as stop:
        flags(["prog", "--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0 and "a name, 100% text (default: 'none')" in " ".join(shown.split()) and "--fast" in shown and "{train,eval}" in shown


def test_values_set_by_the_program(flags, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "--this-is-not-ours"])
    flags.count = 7
    assert flags.count == 7 and not flags.is_parsed()
    flags(["prog", "--count=9"])
    assert flags.count == 7
    del flags.count
    assert flags.count == 9
    with pytest.raises(AttributeError, match="There is no flag 'cuont'; the nearest are count"):
        flags.cuont = 1
    with pytest.raises(AttributeError, match="There is no flag 'cuont'"):
        flags.cuont


def test_flags_defined_after_the_first_look(flags, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "--count=4"])
    assert flags.count == 4 and flags.is_parsed()
    module.DEFINE_integer("late", 1, "")
    monkeypatch.setattr(sys, "argv", ["prog", "--count=4", "--late=2"])
    assert flags.late == 2 and "late" in flags and len(flags) == 9 and list(flags) == sorted(flags) == dir(flags)


def test_defining_twice(flags):
    module.DEFINE_integer("count", 3, "how many")
    with pytest.raises(ValueError, match="The flag 'count' is defined twice: as a integer with default 3 .how many., and as a integer with default 4"):
        module.DEFINE_integer("count", 4, "how many")


def test_required(flags, capsys):
    module.mark_flag_as_required("empty")
    with pytest.raises(SystemExit):
        flags(["prog"])
    assert "flag --empty must have a value" in capsys.readouterr().err
    flags(["prog", "--empty=x"])
    with pytest.raises(AttributeError, match="There is no flag 'emtpy'"):
        module.mark_flag_as_required("emtpy")


def test_options_of_a_notebook_kernel_are_not_ours(flags, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/x/ipykernel_launcher.py", "-f", "kernel.json"])
    assert flags.count == 3


def test_app_run_in_a_program(tmp_path):
    program = tmp_path / "train.py"
    program.write_text(textwrap.dedent("""
        import minitf as tf
        flags = tf.app.flags
        FLAGS = flags.FLAGS
        flags.DEFINE_integer("steps", 10, "how many")
        def main(argv):
            print(FLAGS.steps, argv[1:])
            return 3
        if __name__ == "__main__":
            tf.app.run()
    """))
    done = subprocess.run([sys.executable, str(program), "--steps", "4", "data"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "4 ['data']\n"), done.stderr


def test_app_run_with_arguments(flags):
    seen = []
    with pytest.raises(SystemExit) as stop:
        tf.app.run(seen.append, ["prog", "--count=8", "x"])
    assert stop.value.code is None and seen == [["prog", "x"]] and flags.count == 8
    assert tf.app.flags is tf.flags
