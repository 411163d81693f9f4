"""What a chapter builds goes on to the next: its cells tagged `built`, in order, are the module chapters/built/<name>.py.

A chapter that says `from built.graph import Graph` runs what chapter 02 ended with.  The file is made from the cells and from nothing else.
"""
import builtins
import re
import symtable
import textwrap

TAG = "built"
HEADER = '''"""{opening}

Made from the cells of chapters/{script} that are tagged `built`: change them there, then `make notebooks`.
"""
'''
PACKAGE = '"""What the chapters build, each module from the cells of its chapter that are tagged `built`; make notebooks writes them."""\n'


def module_name(script):
    """chapters/03_autodiff.py -> autodiff."""
    return script.stem.partition("_")[2] or script.stem


def module_path(script):
    return script.parent / "built" / f"{module_name(script)}.py"


def export(script, cells):
    """The text of chapters/built/<name>.py, given the chapter's script (its path) and cells; None if no cell is tagged `built`.

    ValueError if that text is not a module that can stand alone: a syntax error, or a name that only other cells define.
    """
    tagged = [c.source for c in cells if c.cell_type == "code" and TAG in c.metadata.get("tags", [])]
    if not tagged:
        return None
    text = HEADER.format(opening=_opening(script, cells), script=script.name)
    text += "\n\n".join(_siblings(source).strip("\n") + "\n" for source in tagged)
    missing = _undefined(text, module_path(script).name)
    if missing:
        raise ValueError(f"its cells tagged `{TAG}` use {', '.join(missing)}, which none of them defines or imports")
    return text


def _opening(script, cells):
    """The first paragraph after the title, as the module's docstring begins."""
    for cell in cells:
        if cell.cell_type == "markdown":
            paragraphs = re.split(r"\n\s*\n", re.sub(r"^#.*$", "", cell.source, flags=re.M).strip())
            if paragraphs[0]:
                plain = re.sub(r"[*`\\]|\"\"\"", "", " ".join(paragraphs[0].split()))
                return textwrap.fill(plain, 110)
    return f"What chapter {script.stem[:2]} builds."


def _siblings(source):
    """The modules of the chapters before stand beside this one."""
    source = re.sub(r"^(\s*)from built\.(\w+) import", r"\1from .\2 import", source, flags=re.M)
    return re.sub(r"^(\s*)from built import", r"\1from . import", source, flags=re.M)


def _undefined(text, filename):
    """The names, sorted, that some scope of this module reads as a global and that the module never binds."""
    try:
        top = symtable.symtable(text, filename, "exec")
    except SyntaxError as error:
        raise ValueError(f"its cells tagged `{TAG}` are no module: {error.msg}: {(error.text or '').strip()}") from None
    known = set(dir(builtins)) | {"__name__", "__file__", "__doc__"}
    read, scopes = set(), [top]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        for s in scope.get_symbols():
            if scope is top and (s.is_assigned() or s.is_imported()) or s.is_declared_global() and s.is_assigned():
                known.add(s.get_name())
            elif s.is_referenced() and (s.is_global() or scope is top):
                read.add(s.get_name())
    return sorted(read - known)
