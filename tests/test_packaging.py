"""What is installed, what is said about it, and the commands that README promises."""
import ast
import configparser
import importlib.machinery
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "minitf"
HARD = {"numpy", "scipy", "matplotlib", "mpi4py", "openmpi", "tqdm"}
BUILD = {"setuptools", "cython", "numpy", "scipy"}


@pytest.fixture(scope="module")
def config():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(text):
    return [Requirement(line) for line in text.splitlines() if line.strip()]


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **options)


def test_hard_dependencies_and_extras(config):
    assert {r.name for r in requirements(config["options"]["install_requires"])} == HARD
    extras = {name: {r.name for r in requirements(text)} for name, text in config["options.extras_require"].items()}
    assert set(extras) == {"gpu", "cuda-compile", "course", "board", "test", "bench"}
    assert "pytest" in extras["test"] and {"tensorflow-cpu", "torch"} <= extras["bench"]
    assert config["options"]["python_requires"] == ">=3.10"


def test_build_requirements_stand_in_pyproject_and_makefile():
    listed = re.search(r"requires = (\[.*\])", (ROOT / "pyproject.toml").read_text()).group(1)
    wanted = {Requirement(r).name: r for r in ast.literal_eval(listed)}
    assert set(wanted) == BUILD
    makefile = (ROOT / "Makefile").read_text()
    assert all(f'"{requirement}"' in makefile for requirement in wanted.values())


def top_level_imports(tree):
    """Names of the modules imported when a file is imported; what stands in a function or a try block is optional."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_only_hard_dependencies_are_imported():
    allowed = set(sys.stdlib_module_names) | HARD | {"minitf"}
    wrong = {f"{path.relative_to(ROOT)}: {name}" for path in PACKAGE.rglob("*.py")
             for name in top_level_imports(ast.parse(path.read_text())) if name not in allowed}
    assert not wrong


def test_datasets_do_not_import_the_graph():
    for path in (PACKAGE / "datasets").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1 and not (node.module or "").startswith("minitf"), path


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What `pip install` would copy, made with setuptools' own build_py from setup.cfg; compiled modules copied, not built again."""
    source = tmp_path_factory.mktemp("source")
    (source / "minitf").symlink_to(PACKAGE)
    for name in ("setup.cfg", "README.md"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("installed")
    done = run(sys.executable, "-c", "from setuptools import setup; setup()", "--quiet", "build_py", "--build-lib", target, cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_every_source_file_is_installed(installed):
    suffixes = (".py", ".pxd", ".pyx", ".h", ".cu", ".cuh", ".cpp")
    files = {p.relative_to(ROOT) for p in PACKAGE.rglob("*") if p.suffix in suffixes}
    copied = {p.relative_to(installed) for p in installed.rglob("*") if p.is_file()}
    assert Path("minitf/kernels/cpu/kernel.pxd") in copied
    assert files == copied


def test_an_installed_copy_runs_outside_the_checkout(installed, tmp_path):
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        for path in PACKAGE.rglob("*" + suffix):
            shutil.copy2(path, installed / path.relative_to(ROOT))
    code = ("import minitf as tf; print(tf.__file__)\n"
            "with tf.Graph().as_default(), tf.Session() as sess: print(sess.run(tf.constant(20.0) * tf.constant(2.0) + 2.0))")
    done = run(sys.executable, "-c", code, cwd=tmp_path, env=dict(os.environ, PYTHONPATH=str(installed)))
    assert done.returncode == 0, done.stderr
    where, answer = done.stdout.split()
    assert where.startswith(str(installed)) and float(answer) == 42


# the doctor

def test_the_doctor_finds_this_checkout_healthy():
    done = run(sys.executable, PACKAGE / "doctor.py", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The core works." in done.stdout
    for what in ("Python", "C compiler", "compiled modules", "threads", "MPI", "GPU", "MNIST", "matplotlib"):
        assert re.search(rf"^  (ok|warn|absent) +{what} ", done.stdout, re.M), done.stdout


def test_the_doctor_as_a_module():
    done = run(sys.executable, "-m", "minitf.doctor", "--preflight", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def unbuilt(tmp_path):
    """A checkout in which nothing has been compiled."""
    shutil.copytree(PACKAGE, tmp_path / "minitf", ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    shutil.copy(ROOT / "setup.py", tmp_path)
    return tmp_path


def test_an_import_where_nothing_is_built_says_what_to_do(unbuilt):
    done = run(sys.executable, "-c", "import minitf", cwd=unbuilt)
    assert done.returncode == 1 and "run `make` in its folder" in done.stderr and "make doctor" in done.stderr


def test_the_doctor_runs_where_nothing_is_built(unbuilt):
    done = run(sys.executable, "minitf/doctor.py", cwd=unbuilt)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"FAIL +compiled modules +\d+ of \d+ not built.*\n +-> make", done.stdout), done.stdout + done.stderr
    assert "The core does NOT work" in done.stdout


def test_the_doctor_sees_stale_modules(unbuilt):
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    for source in (unbuilt / "minitf").rglob("*.pyx"):
        source.with_name(source.stem + suffix).touch()
    script = "import runpy; print(runpy.run_path('minitf/doctor.py')['extensions']())"
    assert "state='ok'" in run(sys.executable, "-c", script, cwd=unbuilt).stdout
    source = unbuilt / "minitf" / "core" / "buffers.pyx"
    later = time.time() + 60
    os.utime(source, (later, later))
    answer = run(sys.executable, "-c", script, cwd=unbuilt).stdout
    assert "state='warn'" in answer and "minitf.core.buffers" in answer


def test_the_doctor_asks_for_a_compiler(monkeypatch):
    done = run(sys.executable, PACKAGE / "doctor.py", "--preflight", env=dict(os.environ, CC="/nowhere/cc", PATH="/nowhere"))
    assert done.returncode == 1 and "FAIL    C compiler" in done.stdout and "apt-get install build-essential" in done.stdout


# the commands

def test_every_make_command_in_readme_and_help_exists(config):
    rules = re.findall(r"^((?:[a-z-]+%? ?)+):(?!=)", (ROOT / "Makefile").read_text(), re.M)
    targets = {target.removesuffix("%") for rule in rules for target in rule.split()}
    text = (ROOT / "README.md").read_text() + run("make", "--no-print-directory", "help", cwd=ROOT).stdout
    named = set(re.findall(r"^ *make ([a-z-]+)", text, re.M)) | set(re.findall(r"`make ([a-z-]+)", text))
    extras = {name for name in named if name.startswith("extra-") and name != "extra-"}
    assert {"demo", "test", "bench", "doctor", "clean", "extra-"} <= named and named - extras <= targets
    for name in extras:
        assert config["options.extras_require"][name.removeprefix("extra-")]


def test_ci_runs_the_test_command_of_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert "make test" in script and "make test" in (ROOT / "README.md").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
