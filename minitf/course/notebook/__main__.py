"""Notebooks from scripts: chapters/NN_name.py, in jupytext's percent form, is the source; NN_name.ipynb beside it is the same, run.

    python -m minitf.course.notebook build [FILES.py ...] [--refresh]      all chapters, if no file is named
    python -m minitf.course.notebook check [FILES.py ...]                  starts no kernel

Built twice on one machine, a notebook is the same to the byte.  So a cell's id is a hash of its content, nothing tells when or with which
Python it ran, and a stored output is kept where the new one differs only in what sanitize.cfg masks.  A cell tagged
`nbval-ignore-output` (a timing, a picture) keeps its stored output too, while neither it nor any code before it has changed;
--refresh takes every output anew.  Before a chapter runs, its cells tagged `built` are written to chapters/built (see built.py).
"""
import argparse
import contextlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from .built import PACKAGE, export, module_path
from .cells import CHAPTERS, LANGUAGE, ChapterFailed, chapter_scripts, code_cells, load, place, stored, text_of, tools
from .kernel import Progress, run
from .outputs import keep, masks, tidy

AT_ONCE = 2                                             # chapters


def written(path, text):
    """Write the file whole or not at all, and only if it changes; returns whether it did."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_text(encoding="utf-8") == text:
            return False
    path.parent.mkdir(exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)
    return True


def export_built(script, notebook):
    """Write chapters/built/<name>.py; returns its path if it changed."""
    try:
        text = export(script, notebook.cells)
    except ValueError as error:
        raise ChapterFailed(f"{script.name}: {error}") from None
    if text is None:
        return None
    path = module_path(script)
    changed = written(path, text)
    if not (path.parent / "__init__.py").exists():
        written(path.parent / "__init__.py", PACKAGE)
    return path if changed else None


def build_one(script, notebook, refresh, progress):
    began = time.monotonic()
    run(script, notebook, progress)
    notebook.metadata["language_info"] = LANGUAGE
    for number, cell in enumerate(code_cells(notebook), 1):
        cell.metadata.pop("execution", None)
        cell.execution_count = number
        tidy(cell.outputs)
    kept = 0 if refresh else keep(notebook, stored(script), masks(script.parent))
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    tools()[1].validate(notebook)
    path = script.with_suffix(".ipynb")
    verb = "wrote" if written(path, text_of(notebook)) else "same "
    seconds, number = progress.slowest[script]
    progress.say(f"{verb} {path.name}: {len(code_cells(notebook))} cells in {time.monotonic() - began:.1f} s, the slowest is cell {number} "
                 f"({seconds:.1f} s); {kept} outputs kept as stored, {path.stat().st_size / 1e3:.0f} kB")


def build(scripts, refresh=False, out=None):
    """Build the notebooks of these scripts, two at a time; returns whether all were.  A failure is printed, the others go on."""
    progress, notebooks, good = Progress(out), {}, True
    for script in scripts:                              # all of them first: a chapter imports what those before it built
        try:
            notebooks[script] = load(script)
            changed = export_built(script, notebooks[script])
            if changed:
                progress.say(f"wrote built/{changed.name}")
        except ChapterFailed as error:
            notebooks.pop(script, None)
            good = False
            progress.say(str(error))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(build_one, script, notebook, refresh, progress) for script, notebook in notebooks.items()]
        try:
            for job in as_completed(jobs):
                try:
                    job.result()
                except ChapterFailed as error:
                    good = False
                    progress.say(str(error))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            progress.kill()
            raise
    return good


def problems(script):
    """What is wrong with the notebook beside a script and with what it exports, as lines; no kernel starts."""
    advice = "make notebooks"
    notebook, old = load(script), stored(script)
    found = []
    try:
        text = export(script, notebook.cells)
        path = module_path(script)
        on_disk = path.read_text(encoding="utf-8") if path.exists() else None
        if text != on_disk:
            found.append(f"built/{path.name} is not what the cells tagged `built` give ({advice})" if text else
                         f"built/{path.name} is there, and no cell is tagged `built`")
    except ValueError as error:
        found.append(str(error))
    if not (script.parent / f"{script.stem}.ipynb").exists():
        return found + [f"{script.stem}.ipynb is missing ({advice})"]
    if old is None:
        return found + [f"{script.stem}.ipynb is not a notebook ({advice})"]
    for new, was in zip(notebook.cells, old.cells):
        if (new.cell_type, new.source, new.id, new.metadata) != (was.cell_type, was.source, was.get("id"), was.metadata):
            found.append(f"{place(script, notebook, new)} is not the one that the notebook has ({advice})")
            break
    else:
        if len(notebook.cells) != len(old.cells):
            found.append(f"the script has {len(notebook.cells)} cells, the notebook {len(old.cells)} ({advice})")
    for number, (new, was) in enumerate(zip(code_cells(notebook), code_cells(old)), 1):
        new.outputs, new.execution_count = was.outputs, was.execution_count
        if was.execution_count != number:
            found.append(f"{place(script, notebook, new)} is unrun, or ran out of order: nbval would not compare it ({advice})")
        if any(o.output_type == "error" for o in was.outputs) and "raises-exception" not in was.metadata.get("tags", []):
            found.append(f"{place(script, notebook, new)} failed, and is not tagged raises-exception")
    if not found and text_of(notebook) != script.with_suffix(".ipynb").read_text(encoding="utf-8"):
        found.append(f"the notebook was written by another program: its metadata or its form differ ({advice})")
    return found


def check(scripts, out=None):
    """Print what is wrong; returns whether nothing is."""
    found = [f"{script.name}: {line}" for script in scripts for line in problems(script)]
    print("\n".join(found) if found else f"{len(scripts)} notebooks are those of their scripts", file=out or sys.stdout)
    return not found


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m minitf.course.notebook", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("build", "run the scripts, write their notebooks"), ("check", "compare notebooks and scripts; starts no kernel")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("files", nargs="*", type=Path, metavar="FILE.py", help="chapters/NN_name.py; all of them if none is named")
        if name == "build":
            command.add_argument("--refresh", action="store_true", help="keep no stored output")
    given = parser.parse_args(arguments)
    scripts = [f.resolve().with_suffix(".py") for f in given.files] or chapter_scripts()
    missing = [f for f in scripts if not f.exists()]
    if missing or not scripts:
        parser.error(f"there is no {missing[0]}" if missing else f"there is no chapter in {CHAPTERS}")
    try:
        return 0 if (check(scripts) if given.command == "check" else build(scripts, given.refresh)) else 1
    except ChapterFailed as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
