"""Submissions that do what they should not: each gains nothing by it, and costs only itself."""
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from minitf.course.grader.grade import grade_text
from minitf.course.grader.process import ForkServer
from minitf.course.task import Task, equal

ROOT = Path(__file__).resolve().parent.parent.parent
HONEST = "def double(x):\n    return 2 * x\n"


def make_task(**options):
    task = Task("Twice a number", function="double", **{"seconds": 3, **options}, hints=["Add it to itself."], why="Because.")
    task.chapter, task.name = "01_ops", "double"

    def doubled(mine, x):
        return mine.double(x)

    @task.check(1, "two is twice one")
    def small(run, random):
        x = int(random.integers(1, 100))
        equal(run(doubled, x), x + x, "twice a small number")

    @task.check(2, "so it is for large numbers")
    def large(run, random):
        x = int(random.integers(10 ** 6, 10 ** 9))
        equal(run(doubled, x), x + x, "twice a large number")

    return task


@pytest.fixture(scope="module")
def server():
    with ForkServer() as server:
        yield server


@pytest.fixture
def grade(server):
    def run(text, **options):
        result = grade_text(server, make_task(**options), textwrap.dedent(text))
        assert grade_text(server, make_task(), HONEST).points == 3          # the next one does not notice
        return result
    return run


def processes():
    """Every process of this machine that is not a kernel thread: {pid: command line}."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:
            pass
    return found


def messages(result):
    return " | ".join(o.message for o in result.outcomes)


def test_an_honest_one(grade):
    result = grade(HONEST)
    assert result.points == 3 and result.state == "passed"


def test_half_right(grade):
    result = grade("def double(x):\n    return 2 * x if x < 1000 else x\n")
    assert result.points == 1 and result.state == "partly"
    assert "twice a large number" in messages(result)


# it ends, or does not

@pytest.mark.parametrize("body, said", [
    ("import os; os._exit(0)", "ended with status 0"),
    ("import os; os.abort()", "SIGABRT"),
    ("import sys; sys.exit(0)", "SystemExit"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("return double(x)", "RecursionError"),
    ("import signal; signal.raise_signal(signal.SIGKILL)", "SIGKILL"),
])
def test_crashes(grade, body, said):
    result = grade(f"def double(x):\n    {body}\n")
    assert result.points == 0 and said in messages(result)


def test_a_crash_while_loading(grade):
    assert grade("import os\nos._exit(0)\n").points == 0


def test_a_crash_in_one_check_costs_that_one(grade):
    result = grade("def double(x):\n    if x > 1000:\n        import os; os._exit(0)\n    return 2 * x\n")
    assert result.points == 1


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(10000)", "import signal, time\n    signal.pthread_sigmask(0, range(1, 64))\n    while True: pass"])
def test_loops_for_ever(grade, body):
    began = time.monotonic()
    result = grade(f"def double(x):\n    {body}\n", seconds=1)
    assert result.points == 0 and "OutOfTime" in messages(result)
    assert time.monotonic() - began < 15


def test_loops_for_ever_while_loading(grade):
    result = grade("while True: pass\n", seconds=1)
    assert result.points == 0 and "OutOfTime" in messages(result)


# it takes what there is

def test_fills_memory(grade):
    result = grade("def double(x):\n    return sum(len(b) for b in [bytearray(1 << 28) for _ in range(100)])\n")
    assert result.points == 0 and "MemoryError" in messages(result)


@pytest.mark.parametrize("size, count", [(1 << 20, 10 ** 6), (1 << 30, 1), (1, 10 ** 6)])
def test_fills_the_disk(grade, size, count):
    result = grade(f"""
        def double(x):
            for k in range({count}):
                with open(f"file{{k}}", "wb") as f:
                    for _ in range(max(1, {size} >> 20)):
                        f.write(bytes(min({size}, 1 << 20)))
            return 2 * x if x < 0 else None
    """)
    assert result.points == 0
    assert "wrote more than" in messages(result) or "too large" in messages(result) or "OutOfTime" in messages(result)


def test_writes_elsewhere(grade, tmp_path):
    target = tmp_path / "there"
    result = grade(f"""
        import os, pathlib, shutil
        def double(x):
            for attempt in (lambda: open({str(target)!r}, "w"), lambda: os.mkdir({str(target)!r}), lambda: os.symlink("a", {str(target)!r}),
                            lambda: os.open({str(target)!r}, os.O_CREAT | os.O_WRONLY), lambda: pathlib.Path({str(target)!r}).touch(),
                            lambda: os.remove({str(__file__)!r}), lambda: os.rename({str(__file__)!r}, {str(target)!r}), lambda: os.chmod({str(__file__)!r}, 0)):
                try:
                    attempt()
                except PermissionError:
                    continue
                return -1
            return 2 * x
    """)
    assert result.points == 3                                         # every attempt was refused, and it went on
    assert not target.exists() and os.access(__file__, os.R_OK)


def test_prints_a_million_lines(grade):
    result = grade("def double(x):\n    for k in range(1_000_000):\n        print('line', k)\n    return 2 * x\n", seconds=60)
    assert result.points == 3 and len(result.output) <= 2000 and result.output.endswith("line 999999\n")


# it leaves its process

@pytest.mark.parametrize("call", ["os.fork()", "os.system('true')", "os.execv('/bin/true', ['true'])", "os.posix_spawn('/bin/true', ['true'], {})",
                                  "__import__('subprocess').run(['true'])", "__import__('multiprocessing').Process().start()",
                                  "__import__('_posixsubprocess').fork_exec()", "__import__('pty').fork()"])
def test_starts_a_process(grade, call):
    before = set(processes())
    result = grade(f"import os\ndef double(x):\n    {call}\n    return 2 * x\n")
    assert result.points == 0
    left = {pid: line for pid, line in processes().items() if pid not in before and b"true" in line}
    assert not left


def test_forks_for_ever(grade):
    result = grade("""
        import os
        def double(x):
            while True:
                try:
                    os.fork()
                except OSError:
                    return None
    """)
    assert result.points == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to the fork server")
def test_a_process_that_got_away_is_ended():
    """If a submission found a way past Python's watch, and into a session of its own, its processes end with it all the same."""
    seconds = f"1000{os.getpid()}"
    code = f"""
        import os
        from minitf.course.grader.forkserver import _end_orphans, _reap
        from minitf.course.grader.sandbox import adopt_orphans
        adopt_orphans()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:                                    # the submission
            if os.fork() == 0:
                os.setsid()
                os.set_inheritable(writing, False)
                os.execvp("sleep", ["sleep", "{seconds}"])
            os.close(writing)
            os.read(reading, 1)                         # until sleep has begun
            os._exit(0)
        os.close(writing)
        _reap(pid, 10)
        with open(f"/proc/self/task/{{os.getpid()}}/children") as f:
            assert f.read().split(), "nothing got away"
        _end_orphans(set())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=dict(os.environ, PYTHONPATH=str(ROOT)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not [line for line in processes().values() if seconds.encode() in line]


@pytest.mark.parametrize("call", ["__import__('socket').socket()", "__import__('socket').create_connection(('127.0.0.1', 9))", "__import__('socket').getaddrinfo('localhost', 80)",
                                  "__import__('urllib.request').request.urlopen('http://127.0.0.1:9/')", "__import__('socket').socketpair()"])
def test_opens_the_network(grade, call):
    result = grade(f"def double(x):\n    {call}\n    return 2 * x\n")
    assert result.points == 0 and "not in an exercise" in messages(result)


# it cheats

def test_patches_what_compares(grade):
    result = grade("""
        import builtins, sys
        import numpy as np
        np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
        np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
        builtins.all = builtins.any = lambda *a: True
        for name, module in list(sys.modules.items()):
            if name.startswith("minitf.course"):
                for key, value in list(vars(module).items()):
                    if callable(value) and key[0] != "_":
                        setattr(module, key, lambda *a, **k: True)
        class Yes(int):
            __eq__ = lambda self, other: True
            __ne__ = lambda self, other: False
            __hash__ = int.__hash__
        def double(x):
            return Yes(5)
    """)
    assert result.points == 0


def test_answers_by_itself(grade):
    """It finds the channel to the grader and answers every question with points for everyone."""
    result = grade("""
        import json, os, struct
        def double(x):
            data = json.dumps({"dict": [["result", True], ["points", 100], ["passed", True]]}).encode()
            for fd in range(3, 64):
                try:
                    os.write(fd, struct.pack("<Q", len(data)) + data)
                except OSError:
                    pass
            os._exit(0)
    """)
    assert result.points == 0


@pytest.mark.parametrize("data", ["b'x' * 100", "struct.pack('<Q', 1 << 60)", "struct.pack('<Q', 4) + b'null'", "struct.pack('<Q', 9) + b'[' * 9",
                                  "struct.pack('<Q', 100000) + b'[' * 100000", "struct.pack('<Q', 71) + b'{\"array\": \"AAAA\", \"dtype\": \"|O\", \"shape\": [99999999999999999999999]}'"])
def test_writes_nonsense_into_the_channel(grade, data):
    result = grade(f"""
        import os, struct
        def double(x):
            for fd in range(3, 64):
                try:
                    os.write(fd, {data})
                except OSError:
                    pass
            os._exit(0)
    """)
    assert result.points == 0


def test_returns_a_pickle_bomb_or_an_object(grade):
    result = grade("class Any:\n    def __reduce__(self):\n        return print, ('hello',)\ndef double(x):\n    return Any()\n")
    assert result.points == 0 and "not plain data" in messages(result)


@pytest.mark.parametrize("reading", [
    "open({path!r}).read()", "__import__('pathlib').Path({path!r}).read_text()", "__import__('os').open({path!r}, 0)", "__import__('io').open_code({path!r}).read()",
    "__import__('numpy').fromfile({path!r}, dtype='u1')", "__import__('runpy').run_path({path!r})", "__import__('linecache').getlines({path!r})[0]",
    "[__import__('os').symlink({path!r}, 'link'), open('link').read()]", "open({path!r}.replace('/solutions/', '/minitf/../solutions/')).read()",
    "__import__('importlib.machinery').machinery.SourceFileLoader('s', {path!r}).load_module()"])
@pytest.mark.parametrize("where", ["solutions/01_ops/double.py", "minitf/course/tasks/__init__.py", "tests/conftest.py"])
def test_reads_solutions(grade, reading, where, planted):
    result = grade(f"def double(x):\n    {reading.format(path=str(planted / where))}\n    return 2 * x\n")
    assert result.points == 0


@pytest.fixture
def planted(monkeypatch):
    """The repository, in which solutions/ and the others are there and may be read by anybody else."""
    for where in ("solutions", "minitf/course/tasks", "tests"):
        assert (ROOT / where).is_dir()
    return ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_the_kernel_refuses_too():
    """Without Python's watch the solutions still can not be opened, where the kernel has Landlock."""
    code = """
        import os, sys, tempfile
        from minitf.course.grader.sandbox import only_files
        hidden, folder = os.path.abspath("solutions"), tempfile.mkdtemp()
        if not only_files([hidden], folder):
            sys.exit(77)
        open(os.path.join(folder, "mine"), "w").write("x")
        open("README.md").read()
        for attempt in (lambda: os.listdir(hidden), lambda: open("work.txt", "w"), lambda: open("/tmp/minitf-elsewhere", "w")):
            try:
                attempt()
            except PermissionError:
                continue
            sys.exit(1)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT)), capture_output=True, text=True, timeout=60)
    if done.returncode == 77:
        pytest.skip("this kernel has no Landlock")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("call", ["minitf.autodiff.broadcasting.stretched_axes((1,), (2,))", "sys.modules['minitf.autodiff.broadcasting'].stretched_axes.__wrapped__((1,), (2,))",
                                  "sys.modules['minitf.autodiff.broadcasting'].stretched_axes.__closure__[1].cell_contents((1,), (2,))",
                                  "inspect.getsource(sys.modules['minitf.autodiff.broadcasting'])", "reload()",
                                  "next(o for o in gc.get_objects() if getattr(o, '__code__', None) and o.__code__.co_name == 'stretched_axes' and o is not double)((1,), (2,))"])
def test_calls_the_function_that_it_stands_for(grade, call):
    result = grade(f"""
        import gc, inspect, sys
        import minitf
        def reload():
            sys.modules.pop("minitf.autodiff.broadcasting")
            import importlib
            return importlib.import_module("minitf.autodiff.broadcasting").stretched_axes((1,), (2,))
        def double(x, other=None):
            if other is not None:
                raise ValueError("round and round")
            {call}
            return 2 * x
    """, replaces="minitf.autodiff.broadcasting.stretched_axes")
    assert result.points == 0, messages(result)


@pytest.mark.parametrize("found", ["swap._current['minitf.autodiff.broadcasting.stretched_axes']", "minitf.autodiff.broadcasting.stretched_axes",
                                   "[o for o in gc.get_objects() if getattr(o, '__name__', '') == 'stretched_axes' and getattr(o, '__code__', None) and o.__code__.co_name == 'stretched_axes'][0]"])
def test_takes_it_while_the_file_is_loaded(grade, found):
    result = grade(f"""
        import gc
        import minitf
        from minitf.core import swap
        theirs = {found}
        def double(x, other=None):
            assert other is None, "round and round"
            assert theirs((1,), (2,)) == [0]
            return 2 * x
    """, replaces="minitf.autodiff.broadcasting.stretched_axes")
    assert result.points == 0, messages(result)


def test_the_helpers_of_what_it_stands_for_are_gone_and_those_of_others_are_there(grade):
    text = "from minitf.autodiff.aggregate import {}\ndef double(x):\n    return 2 * x\n"
    replaces = "minitf.autodiff.aggregate.aggregate"
    assert grade(text.format("_joined_pads"), replaces=replaces).points == 0
    assert grade(text.format("AggregationMethod"), replaces=replaces).points == 3
    assert grade(text.format("_joined_pads"), replaces=replaces, lends=["_joined_pads"]).points == 3


def test_a_kernel_that_it_stands_for_is_gone(grade):
    result = grade("""
        import numpy as np
        import minitf as tf
        with tf.Session() as sess:
            sess.run(tf.nn.log_softmax(tf.constant(np.ones((2, 2)))))
        def double(x):
            return 2 * x
    """, replaces="kernel LogSoftmax T=float64")
    assert result.points == 0 and "No OpKernel" in messages(result)


# compiled code

CYTHON = "def double(long x):\n    return 2 * x\n"


def test_an_honest_one_in_cython(grade):
    assert grade(CYTHON, suffix=".pyx").points == 3


@pytest.mark.parametrize("text, said", [
    ("cdef extern from 'unistd.h':\n    int fork()\n", "extern"), ("cimport posix.unistd\n", "posix.unistd"), ("from libc.stdlib cimport system\n", "not allowed"),
    ("from libc.stdio cimport fopen\n", "not allowed"), ("import os\n", "import"), ("import numpy as np\n", "import"), ("include 'solutions/x.pyx'\n", "include"), ("# distutils: extra_compile_args=-fplugin=x\n", "compiler options"),
    ("from os import fork\n", "import"), ("x = eval('1')\n", "eval"), ("cimport libc.stdlib\n", "not allowed"), ("from libc cimport stdio\n", "not allowed")])
def test_cython_that_reaches_out(grade, text, said):
    result = grade(text + CYTHON, suffix=".pyx")
    assert result.points == 0 and said in messages(result)


def test_cython_that_crashes(grade):
    result = grade("def double(long x):\n    cdef long *p = <long *> 8\n    return p[0] + x\n", suffix=".pyx")
    assert result.points == 0 and "SIGSEGV" in messages(result)


def test_cython_that_does_not_compile(grade):
    result = grade("def double(long x):\n    return 2 * y\n", suffix=".pyx")
    assert result.points == 0 and "y" in messages(result)


def test_no_folder_and_no_process_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile
    monkeypatch.setattr(tempfile, "tempdir", None)
    with ForkServer() as server:
        pid = server._process.pid
        for text in (HONEST, "import os; os._exit(1)", "while True: pass"):
            grade_text(server, make_task(seconds=1), text)
        assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == "" if sys.platform == "linux" else True
    assert server._process.returncode == 0
    assert not list(tmp_path.iterdir())


def test_python_refuses_by_itself_too(tmp_path):
    """Without the kernel's help, as on macOS."""
    code = """
        import os, sys
        from minitf.course.grader.sandbox import watch
        watch(sys.argv[1], [os.path.abspath("solutions")])
        open("README.md").read()
        try:
            open("solutions/README.md")
        except PermissionError as error:
            sys.exit(0 if "not in an exercise" in str(error) else 2)
        sys.exit(1)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT)), timeout=60)
    assert done.returncode == 0
