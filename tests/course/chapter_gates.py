"""What must hold of every chapter: each gate returns what is wrong, as lines.  test_chapters.py runs them, and plants faults in each."""
import ast
import configparser
import functools
import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

from minitf.course import outline
from minitf.course.notebook import __main__ as notebook, built
from minitf.course.exercises import solved_parts, stub_of

ROOT = Path(__file__).resolve().parent.parent.parent
LINES, WORDS, BYTES = 25, 220, 1_500_000


def prose(script):
    """The markdown cells of a script, as (place, text)."""
    loaded = notebook.load(script)
    return [(notebook.place(script, loaded, c), c.source) for c in loaded.cells if c.cell_type == "markdown"]


def programs(script):
    """Its code cells, as (place, text)."""
    loaded = notebook.load(script)
    return [(notebook.place(script, loaded, c), c.source) for c in notebook.code_cells(loaded)]


# ---- names of the package ---------------------------------------------------------------------------------------------------

def introduced(names_file):
    """{chapter: [names]} of names.cfg."""
    parser = configparser.ConfigParser()
    parser.read(names_file, encoding="utf-8")
    return {chapter: parser[chapter]["names"].split() for chapter in parser.sections()}


def public_name(parts):
    """Of `tf.` and these attributes, the name that the package gives: ["train", "AdamOptimizer", "minimize"] is train.AdamOptimizer.

    None if it is no public name: nothing at all, or in a module that is only a place to look at, such as minitf.session.prune.
    """
    import minitf
    value, name = minitf, []
    for part in parts:
        if not isinstance(value, types.ModuleType):
            break
        inside, value = value, getattr(value, part, None)
        if value is None or part.startswith("__") or isinstance(value, types.ModuleType) and part not in _offered(inside):
            return None
        name.append(part)
    return ".".join(name) or None


@functools.cache
def _offered(module):
    """The names that a module's own text imports: minitf offers nn and train, and not session, though that becomes an attribute too."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    return {alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names} | {"v0"}


def names_used(script):
    """[(place, public name)] of every name of the package in a chapter's code, under whatever alias."""
    aliases, used = {}, []                                  # alias -> the attributes of minitf that it stands for
    for where, text in programs(script):
        tree = ast.parse(text)
        inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    package, *rest = alias.name.split(".")
                    if package == "minitf":
                        aliases[alias.asname or package] = rest if alias.asname else []
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "minitf":
                for alias in node.names:
                    parts = node.module.split(".")[1:] + [alias.name]
                    name = public_name(parts)
                    if name is None:
                        continue
                    if isinstance(getattr(sys.modules[node.module], alias.name, None), types.ModuleType):
                        aliases[alias.asname or alias.name] = parts
                    else:
                        used.append((where, name))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Attribute, ast.Name)) and id(node) not in inner:
                parts = []
                while isinstance(node, ast.Attribute):
                    parts.insert(0, node.attr)
                    node = node.value
                if isinstance(node, ast.Name) and node.id in aliases and (parts or aliases[node.id]):
                    name = public_name(aliases[node.id] + parts)
                    if name is not None:
                        used.append((where, name))
    return used


def names_gate(scripts, names_file):
    """A chapter's code uses only names that it or an earlier chapter introduces; names.cfg lists what exists, once, where it is told."""
    listed, found, first = introduced(names_file), [], {}
    order = [s.stem for s in scripts]
    known = {c.folder for c in outline.CHAPTERS} | set(order)
    found += [f"names.cfg: there is no chapter {chapter}" for chapter in listed if chapter not in known]
    for chapter in sorted(listed):
        for name in listed[chapter]:
            if public_name(name.split(".")) != name:
                found.append(f"names.cfg: the package has no {name}")
            if name in first:
                found.append(f"names.cfg: {name} is in {first[name]} and in {chapter}")
            first.setdefault(name, chapter)
    for script in scripts:
        used = names_used(script)
        where_first = {}
        for where, name in used:
            where_first.setdefault(name, where)
        for name, where in where_first.items():
            if name not in first or first[name] > script.stem:
                why = f"which {first[name]} introduces" if name in first else f"which names.cfg lists nowhere (add it to [{script.stem}])"
                found.append(f"{script.name}: {where} uses tf.{name}, {why}")
        told = {name for _, name in used} | set(re.findall(r"\btf\.([\w.]*\w)", " ".join(text for _, text in prose(script))))
        found += [f"names.cfg: {script.stem} does not use {name}" for name in listed.get(script.stem, []) if name not in told]
    return found


def imports_gate(scripts):
    """A chapter imports what earlier chapters built, and nothing of a later one's or its own."""
    order = [built.module_name(s) for s in scripts]
    found = []
    for i, script in enumerate(scripts):
        for where, text in programs(script):
            for node in ast.walk(ast.parse(text)):
                names = []
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "built":
                    names = [node.module.split(".")[1]] if "." in node.module else [a.name for a in node.names]
                elif isinstance(node, ast.Import):
                    names = [a.name.split(".")[1] for a in node.names if a.name.startswith("built.")]
                found += [f"{script.name}: {where} imports built.{name}, which no earlier chapter gives"
                          for name in names if name not in order[:i]]
    return found


# ---- the form of a chapter ----------------------------------------------------------------------------------------------------

HEAD = {r"^# \S": "a title", r"\?": "the question", r"\b(minutes|hours?)\b": "how long it takes",
        r"\b[Kk]now\b|\b[Bb]efore\b": "what to know before", r"\b[Ss]hort\b|\b[Ss]kip": "what to skip on a short route",
        r"make hint": "where to turn when stuck (make hint)"}


def head_gate(script):
    """What stands before the first code cell tells a reader what this is and whether to begin."""
    cells = notebook.load(script).cells
    count = next((i for i, c in enumerate(cells) if c.cell_type == "code"), len(cells))
    text = "\n\n".join(c.source for c in cells[:count])
    return [f"{script.name}: its head does not say {what}" for pattern, what in HEAD.items() if not re.search(pattern, text, flags=re.M)]


def sections(script):
    """[(title, text)] by the headings of second level, in order; `text` is prose and code."""
    cells = notebook.load(script).cells                     # a comment in code is no heading
    text = "\n\n".join(c.source if c.cell_type == "markdown" else re.sub("^#", " #", c.source, flags=re.M) for c in cells)
    parts = re.split(r"^## +(.*)$", text, flags=re.M)
    return list(zip((re.sub(r"^[\d.]+\s*", "", t).strip() for t in parts[1::2]), parts[2::2]))


def sections_gate(script, tasks):
    """The package's own file is opened; the last three sections are there; the last lists every task, its points and its file."""
    found, parts = [], sections(script)
    titles = [title for title, _ in parts]
    for wanted in ("The digits once more", "Where this lives today"):
        if wanted not in titles:
            found.append(f"{script.name}: there is no section \"{wanted}\"")
    if not any("show_source(" in text for _, text in programs(script)):
        found.append(f"{script.name}: it never opens the package's own file (show_source)")
    if not titles or titles[-1] != "Exercises":
        return found + [f"{script.name}: its last section is not \"Exercises\""]
    lines = parts[-1][1].splitlines()
    for task in tasks:
        row = next((line for line in lines if re.search(rf"\b{task.name}{re.escape(task.suffix)}\b", line)), None)
        if row is None:
            found.append(f"{script.name}: its exercises do not list {task.file}")
        elif not re.search(rf"(?<![\d.]){task.points:g}(?![\d.])", re.sub(r"`[^`]*`", "", row)):
            found.append(f"{script.name}: its exercises give {task.file} other points than the {task.points:g} that it earns")
    number = script.stem[:2]
    if not re.search(rf"make grade CH={number}\b", parts[-1][1]):
        found.append(f"{script.name}: its exercises do not say `make grade CH={number}`")
    return found


EMOJI = re.compile("[\U0001F000-\U0001FAFF\u2600-\u27BF\u2B00-\u2BFF\uFE0F\u231A\u231B\u23E9-\u23FA]")


def cells_gate(script):
    """Cells small enough to retype, prose small enough to read; nothing that Jupyter shows and nbval does not."""
    found = []
    for where, text in programs(script):
        lines = text.splitlines()
        if len(lines) > LINES:
            found.append(f"{script.name}: {where} has {len(lines)} lines, {LINES} are the most")
        if any(re.match(r"\s*[%!]", line) for line in lines):
            found.append(f"{script.name}: {where} has a magic or a shell command")
        if lines and lines[-1].rstrip().endswith(";"):
            found.append(f"{script.name}: {where} ends with a semicolon, which hides nothing from nbval")
        if not text.strip():
            found.append(f"{script.name}: {where} is empty")
    for where, text in prose(script):
        words = len(re.sub(r"^\s*\|.*$", "", text, flags=re.M).split())
        if words > WORDS:
            found.append(f"{script.name}: {where} has {words} words, about 200 are the most")
    text = script.read_text(encoding="utf-8")
    found += [f"{script.name}: line {text[:m.start()].count(chr(10)) + 1} has the emoji U+{ord(m[0]):04X}" for m in EMOJI.finditer(text)]
    return found


# ---- outputs ----------------------------------------------------------------------------------------------------------------

TOP = "home|root|Users|tmp|var|usr|opt|private|mnt|media|srv|work|workspace|builds?"
ABSOLUTE = re.compile(rf"(?<![\w.:/~-])/(?:{TOP})/[\w.-]+|(?<!\w)~/[\w.-]+|\b[A-Z]:\\\w+")


def texts(output):
    """Every text of an output that a reader sees."""
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return [output.evalue, *output.traceback]
    return [text for kind, text in output.data.items() if kind.startswith("text/") or kind == "image/svg+xml"]


def outputs_gate(script):
    """Stored outputs are of a sane size, come from no machine in particular, and hold no warning."""
    path, found = script.with_suffix(".ipynb"), []
    if notebook.stored(script) is None:
        return [f"{path.name}: there is no such notebook"]
    if path.stat().st_size > BYTES:
        found.append(f"{path.name}: it has {path.stat().st_size / 1e6:.1f} MB, {BYTES / 1e6} are the most")
    old = notebook.stored(script)
    for number, cell in enumerate(notebook.code_cells(old), 1):
        for output in cell.outputs:
            for text in texts(output):
                here = (str(ROOT), str(Path.home()), sys.prefix)
                places = set(ABSOLUTE.findall(text)) | {p for p in here if len(p) > 1 and p + "/" in text}
                found += [f"{path.name}: the output of cell {number} has a path of some machine: {p}" for p in sorted(places)]
                found += [f"{path.name}: the output of cell {number} has the emoji U+{ord(m[0]):04X}" for m in EMOJI.finditer(text)]
            if output.output_type == "stream" and output.name == "stderr":
                said = [line for line in output.text.splitlines() if line.strip() and "%|" not in line]     # a progress bar may
                found += [f"{path.name}: cell {number} writes to stderr: {line}" for line in said[:1]]
    return found


# ---- commands ---------------------------------------------------------------------------------------------------------------

SETTINGS = r"(?:[A-Z][A-Z0-9_]*=\S+ +)"
COMMAND = re.compile(rf"{SETTINGS}*(?:\.venv/bin/)?(?:make|python3?|pip|pytest|jupyter|tensorboard)(?= |$)[^\n]*|{SETTINGS}+\S[^\n]*")
PLACEHOLDER = re.compile(r"(NN|XX|TASK|FILE|DIR|dir|name|[a-z]*\.\.\.|…|/path/.*|<.*>|.*/(name|task|NN)\b.*|NN[/_].*)$")


def commands(text):
    """The commands that a text shows: spans in backticks, indented lines and blocks.  What follows two spaces explains."""
    without_code = re.sub(r"^```python\n.*?^```", "", text, flags=re.M | re.S)
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", without_code)
    lines = [line.strip() for block in re.findall(r"^```\w*\n(.*?)^```", without_code, flags=re.M | re.S) for line in block.splitlines()]
    lines += [line.strip() for line in re.findall(r"^(?: {4,}|\t)(.+)$", without_code, flags=re.M)]
    found = []
    for span in spans + lines:
        for part in re.split(r"\s+&&\s+", re.split(r" {2,}|\s+# ", span.removeprefix("$ ").strip())[0]):
            if COMMAND.fullmatch(part):
                found.append(part)
    return list(dict.fromkeys(found))


def makefile():
    return (ROOT / "Makefile").read_text(encoding="utf-8")


@functools.cache
def targets(text):
    """The targets of a Makefile, as patterns."""
    names = [name for line in re.findall(r"^([^\s#:=][^:=\n]*):(?!=)", text, flags=re.M) for name in line.split()]
    return [re.escape(n).replace("%", ".+") for n in names if not n.startswith((".", "$"))]


def command_problem(command, make_text):
    """What is wrong with a command, or None if it exists and takes these arguments."""
    words = shlex.split(command, comments=True)
    while words and re.match(r"[A-Z][A-Z0-9_]*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        if not _is_variable_of_the_package(name):
            return f"nothing reads the variable {name}"
        if name == "MINITF_SWAP" and not PLACEHOLDER.match(value) and not (ROOT / "solutions" / value.partition("/")[2]).exists():
            return f"there is no {value}"
    if not words:
        return "it runs nothing"
    program, *arguments = words
    program = program.removeprefix(".venv/bin/")
    if program == "make":
        return _make_problem(arguments, make_text)
    if program in ("python", "python3"):
        return _python_problem(arguments)
    if program == "pytest":
        return _python_problem(["-m", "pytest", *arguments])
    if program in ("pip", "jupyter", "tensorboard"):
        return None if importlib.util.find_spec({"jupyter": "jupyter_core"}.get(program, program)) else f"there is no {program}"
    return f"what is {program}?"


@functools.cache
def _is_variable_of_the_package(name):
    read = re.compile(rf"\b{name}\b")
    return name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CC", "LIBRARY_PATH", "PYTHONHASHSEED") or any(
        read.search(path.read_text(encoding="utf-8")) for kind in ("*.py", "*.pyx") for path in (ROOT / "minitf").rglob(kind))


def _make_problem(arguments, make_text):
    goals = []
    for word in arguments:
        if word.startswith("-"):
            continue
        name, equals, value = word.partition("=")
        if not equals:
            goals.append(word)
        elif not re.search(rf"\$\({name}\b|^{name} *\??:?=", make_text, flags=re.M):
            return f"the Makefile does not use {name}"
        elif not PLACEHOLDER.match(value) and name in ("CH", "TASK"):
            try:
                outline.find_task(value) if name == "TASK" else outline.chapters(value)
            except ValueError as error:
                return str(error)
    unknown = [g for g in goals if not PLACEHOLDER.match(g) and not any(re.fullmatch(t, g) for t in targets(make_text))]
    return f"the Makefile has no target {unknown[0]}" if unknown else None


def _python_problem(arguments):
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        module, rest = arguments[1], arguments[2:]
        try:
            spec = importlib.util.find_spec(module)
            if spec is not None and spec.submodule_search_locations is not None:
                spec = importlib.util.find_spec(module + ".__main__")
        except ImportError:
            spec = None
        if spec is None:
            return f"there is no module {module} to run"
        source, start = Path(spec.origin), ["-m", module]
    elif arguments and not arguments[0].startswith("-"):
        source, start, rest = ROOT / arguments[0], [arguments[0]], arguments[1:]
        if not source.exists():
            return f"there is no {arguments[0]}"
    else:
        return None                                         # python -c, python -V
    if not _is_ours(source):
        return None
    if "argparse" not in source.read_text(encoding="utf-8"):
        return f"{source.name} takes no arguments" if rest else None
    # --help after the first word is the help of a subcommand, where there are subcommands; an unknown one is an error.
    status, text = _help(*start, *rest[:1] if rest and not rest[0].startswith("-") else [])
    if status:
        return text.strip().splitlines()[-1] if text.strip() else f"--help ends with status {status}"
    options = [w.partition("=")[0] for w in rest if w.startswith("-")]
    unknown = [o for o in options if not re.search(rf"(?<![\w-]){re.escape(o)}(?![\w-])", text)]
    return f"its help does not know {unknown[0]}" if unknown else None


def _is_ours(source):
    return ROOT in source.resolve().parents and ".venv" not in source.parts


@functools.cache
def _help(*arguments):
    """(exit status, what it prints) of a program of ours with --help."""
    done = subprocess.run([sys.executable, *arguments, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def commands_gate(name, text, make_text):
    """Every command that a text shows exists, with its targets, variables, tasks and options."""
    return [f"{name}: `{command}`: {problem}" for command in commands(text) for problem in [command_problem(command, make_text)] if problem]


# ---- solutions are told nowhere ------------------------------------------------------------------------------------------------

TRIVIAL = re.compile(r"[\W_]*|(else|try|finally|pass|break|continue|return|returnNone|returnTrue|returnFalse|returnresult|returnout)\W*")


def lines_of(text):
    """[normalised line] of a text: without comments, spaces and quotes' kind; lines that say nothing by themselves are dropped."""
    lines = []
    for line in text.splitlines():
        line = re.sub(r"^\s*# ?", "", line)                     # prose, and code that is commented out, count too
        line = re.sub(r"\s+#\s.*$", "", line)
        line = re.sub(r"\s+", "", line).replace("'", '"')
        if not TRIVIAL.fullmatch(line):
            lines.append(line)
    return lines


def leak(solution, text):
    """The first three lines in a row of what a solution has taken out that stand in `text`; None if there are none."""
    inside = lines_of(text)
    there = {tuple(inside[i:i + 3]) for i in range(len(inside) - 2)}
    for part in solved_parts(solution):
        lines = lines_of(part)
        for i in range(len(lines) - 2):
            if tuple(lines[i:i + 3]) in there:
                return lines[i:i + 3]
    return None


def leaks_gate(solutions, places):
    """solutions: {file: text}; places: {name: text}, chapters and what they built.  The stubs of all tasks are looked through too."""
    places = dict(places, **{f"the exercise {file}": stub_of(text, file) for file, text in solutions.items()})
    return [f"{name} tells a part of the solution of {file}: {' / '.join(lines)}"
            for file, solution in solutions.items() for name, text in places.items() for lines in [leak(solution, text)] if lines]
