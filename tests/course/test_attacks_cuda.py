"""Submissions in CUDA C: what they may not say, and what the checker and the grader say of those that do what they should not."""
import os
import subprocess
import sys
import textwrap

import pytest

from minitf.course.cuda_build import build
from minitf.course.exercises import ROOT, SOLUTIONS, generate, without_marks
from minitf.course.grader.cuda_rules import NotAllowed, checked
from minitf.course.grader.grade import grade_text
from minitf.course.grader.process import ForkServer
from minitf.course.outline import tasks_of
from minitf.course.task import Task, equal

HONEST = '#include "common.cuh"\nextern "C" __global__ void twice(int *x, int n) {\n    FOR_EACH(i, n) x[i] *= 2;\n}\n'
KERNEL = '#include "common.cuh"\nextern "C" __global__ void twice(int *x, int n) {\n    int i = blockIdx.x * blockDim.x + threadIdx.x;\n    BODY\n}\n'


def make_task(seconds=3):
    import numpy as np
    task = Task("Twice numbers", function="twice", suffix=".cu", seconds=seconds, hints=["Add them to themselves."], why="Because.")
    task.chapter, task.name = "07_gpu_kernels", "twice"

    def doubled(mine, x):
        x = x.copy()
        mine.twice(x, np.int32(len(x)), block=(64, 1, 1), grid=(2, 1))
        return x

    @task.check(1, "sixty-four numbers for each block")
    def even(run, random):
        x = random.integers(0, 1000, 128).astype(np.int32)
        equal(run(doubled, x), x + x, "128 numbers")

    @task.check(2, "more than there are threads")
    def many(run, random):
        x = random.integers(0, 1000, 300).astype(np.int32)
        equal(run(doubled, x), x + x, "300 numbers")

    return task


@pytest.fixture(scope="module")
def grade():
    with ForkServer() as server:
        yield lambda text, **options: grade_text(server, make_task(**options), text)


def messages(result):
    return "\n".join(o.message for o in result.outcomes)


def test_an_honest_one(grade):
    assert grade(HONEST).points == 3


@pytest.mark.parametrize("text, said", [
    ("#include <cstdlib>", "line 1"), ('#include "../../solutions/07_gpu_kernels/saxpy.cu"', "not allowed"), ("#define X <cstdlib>\n#include X", "line 2"),
    ("#  include <cstdio>", "not allowed"), ("%:include <cstdio>", "not allowed"), ("/* */ #include <cstdio>", "not allowed"),
    ("/*\n*/ #include <cstdio>", "not allowed"), ("#inc\\\nlude <cstdio>", "not allowed"), ('#line 1 "x"', "not allowed"),
    ("#pragma GCC optimize(3)", "not allowed"), ("#define PASTE(a, b) a##b", "not allowed"), ("#if 1\n#endif", "not allowed"),
    ('void f() { asm("nop"); }', "'asm'"), ("void f() { __asm__(0); }", "another language"), ('extern "C" int fork();', "expected __global__"),
    ("extern int table[4];", "from elsewhere"), ('extern "C" { }', "expected __global__"),
    ("__attribute__((constructor)) void f() {}", "__attribute__"), ("[[gnu::constructor]] void f() {}", "[["), ("void f() { std::abort(); }", "'::'"),
    ("using namespace std;", "using"), ('const char *text = "x";', "no strings"), ("char c = 'x';", "no characters"),
    ("int sys\\\ntem;", "no backslashes"), ("int \u00e9;", "no place in a kernel"), ("UNSEEN void f() {}", "inside"), ("void f() { __builtin_trap(); }", "inside"),
    ("#define EMULATED_WAITING(x)", "inside"), ("void f(int *p, int *q) { memcpy(p, q, 4); }", "behind the checker's back"),
    ("struct A { int n; A() { n = 1; for (int i = 0; i < 9; i++) n *= 3; } A(int k) { n = k * k; } };\nextern \"C\" __global__ void none(int *p);\n"
     "__device__ int value(int *p) { return *p; }\nint one = 1;\nint two = value(&one);", "must be computed"),
    ("thread_local float own[4];", "nvcc knows nothing"),
    ("__device__ void f() { mmap(0, 4096, 7, 34, -1, 0); }", "'mmap'"), ("__device__ void f() { void *p = (void *) snprintf; }", "'snprintf'")])
def test_what_it_may_not_say(grade, text, said):
    result = grade(text + "\n" + HONEST)
    assert result.points == 0 and said in messages(result), messages(result)


@pytest.mark.parametrize("call", ["fopen(0, 0)", "popen(0, 0)", "puts(0)", "abort()", "exit(0)", "getenv(0)"])
def test_it_calls_what_is_not_cudas(grade, call):
    """Names that a header of the emulator happens to declare: the compiled text tells of them."""
    result = grade(KERNEL.replace("BODY", f"if (i < n) x[i] *= 2;\n    if (n < 0) {call};"))
    name = call.partition("(")[0]
    assert result.points == 0 and f"'{name}'" in messages(result), messages(result)


def test_comments_may_say_anything():
    text = "// #include <cstdlib>  asm(\"x\")  'quotes'  std::  \u00e9\n/* system(\"ls\") \\ */\n" + HONEST
    assert checked(text) is text


@pytest.mark.parametrize("body, said", [
    ("x[i + n] *= 2;", "out of bounds"), ("if (i < n) x[0] += x[i];", "race on global memory"), ("*(int *) 8 = 1;", "out of bounds"),
    ("__shared__ int s[64]; s[threadIdx.x] = i; x[i] = s[63 - threadIdx.x];", "race on shared memory"), ("if (threadIdx.x < 5) __syncthreads(); x[i] = 1;", "have returned while others wait"),
    ("int small[4]; small[i % 5] = 1; x[i % n] = small[i % 4];", "outside of an array")])
def test_what_the_checker_says_is_told(grade, body, said):
    result = grade(KERNEL.replace("BODY", body))
    assert result.points < 3 and said in messages(result), messages(result)
    assert "twice.cu:4: " in messages(result)


def test_it_does_not_compile(grade):
    result = grade(KERNEL.replace("BODY", "x[i] = missing;"))
    assert result.points == 0 and "twice.cu:4:" in messages(result) and "missing" in messages(result)


def test_the_kernel_has_another_name(grade):
    result = grade(HONEST.replace("twice", "thrice"))
    assert result.points == 0 and "no kernel 'twice'" in messages(result) and "thrice" in messages(result)


def test_more_shared_memory_than_a_block_has(grade):
    body = "__shared__ int a[ROOM], b[7000]; a[threadIdx.x] = b[threadIdx.x] = 2; if (i < n) x[i] *= a[threadIdx.x] * b[threadIdx.x] / 2;"
    assert grade(KERNEL.replace("BODY", body.replace("ROOM", "5000"))).points == 1
    result = grade(KERNEL.replace("BODY", body.replace("ROOM", "6000")))
    assert result.points == 0 and "take 52000 bytes; a block has 49152" in messages(result), messages(result)


def test_writes_over_the_checker(grade):
    """What lies beside the text's own variables is the checker's: whether it is on, what it has counted."""
    def at(place):
        body = f"char *p = &own; if (i == 0) p[{place}] = 0; if (i < n) x[i] *= 2 * own;"
        return messages(grade("__device__ char own = 1;\n" + KERNEL.replace("BODY", body)))
    assert "race on global memory" in at(0) and "out of bounds" not in at(0)
    for place in (16, -64, 1024):
        assert "out of bounds" in at(place)


def test_loops_for_ever(grade):
    result = grade(KERNEL.replace("BODY", "for (volatile int k = 0; k == 0;) {}"), seconds=1)
    assert result.points == 0 and "OutOfTime" in messages(result)


def test_asks_the_compiler_for_too_much(grade):
    result = grade("__device__ char large[1ull << 34] = {1};\n" + HONEST)
    assert result.points == 0 and messages(result)


def test_gives_back_what_it_was_given(grade):
    assert grade(KERNEL.replace("BODY", "")).points == 0


def test_what_is_refused_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITF_DATA", str(tmp_path))

    def refuse(compiled):
        raise NotAllowed("not this one")
    with pytest.raises(NotAllowed):
        build(HONEST, "twice.cu", refuse)
    assert not list((tmp_path / "cuda").iterdir())
    path = build(HONEST, "twice.cu")
    assert build(HONEST, "twice.cu", refuse) == path and list((tmp_path / "cuda").iterdir()) == [path]


# swap-in

DESCENT = """
    import os
    import numpy as np
    os.environ["MINITF_GPU"] = "emulate"
    import minitf as tf
    with tf.Graph().as_default(), tf.device("/gpu:0"), tf.Session() as sess:
        v = tf.Variable(np.arange(1000, dtype=np.float32))
        step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(v * v) / 2)
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            sess.run(step)
        print(sess.run(v)[8])
"""


def run(code, swap):
    env = dict(os.environ, PYTHONPATH=str(ROOT), MINITF_SWAP=str(swap))
    env.pop("MINITF_SWAP_COUNTS", None)
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=200)


@pytest.fixture
def mine(tmp_path):
    """Exercises of which saxpy.cu is written."""
    generate(tmp_path)
    saxpy = next(t for t in tasks_of("07_gpu_kernels") if t.name == "saxpy")
    (tmp_path / saxpy.file).write_text(without_marks((SOLUTIONS / saxpy.file).read_text()))
    return tmp_path, tmp_path / saxpy.file


def test_the_package_launches_it_and_counts(mine):
    done = run(DESCENT, mine[0])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1.0\n" and "1 function of the package was the reader's" in done.stderr and " 3 launches" in done.stderr
    assert "not written yet, left to the package:" in done.stderr and "row_max.cu" in done.stderr


def test_its_mistake_shows(mine):
    mine[1].write_text(mine[1].read_text().replace("y[i] -=", "y[i] +="))
    assert run(DESCENT, mine[0]).stdout == "27.0\n"


def test_never_launched_is_a_failure(mine):
    done = run("import minitf as tf\nprint(tf.Session().run(tf.constant(1.0)))", mine[0])
    assert done.returncode == 3 and "NEVER LAUNCHED" in done.stderr


def test_what_does_not_compile_is_named(mine):
    mine[1].write_text(mine[1].read_text().replace("y[i] -=", "z[i] -="))
    done = run(DESCENT, mine[0])
    assert done.returncode != 0 and "saxpy.cu:" in done.stderr and "was not declared" in done.stderr
    mine[1].write_text("// nothing\n")
    done = run(DESCENT, mine[0])
    assert done.returncode == 1 and "can not be used: it defines no __global__ saxpy" in done.stderr
