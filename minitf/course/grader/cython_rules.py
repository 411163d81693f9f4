"""What an exercise in Cython may say: arithmetic on arrays, and no way around the sandbox.

Compiled code is not seen by Python's audit hooks, so what could reach the operating system from it is refused before it is compiled.
"""
import io
import tokenize

MODULES = {"cython": None, "libc.math": None, "libc.stdint": None, "libc.float": None, "libc.limits": None, "cython.parallel": None,
           "libc.string": {"memcpy", "memset", "memmove"}, "libc.stdlib": {"malloc", "calloc", "realloc", "free", "abs"}}
# NumPy too: the loops are the exercise.
WORDS = {"extern": "declares C code from elsewhere", "include": "includes another file", "exec": "runs text", "eval": "runs text", "import": "imports a module",
         "__import__": "imports a module", "public": "exports to C", "api": "exports to C"}


class NotAllowed(Exception):
    """The file says something that an exercise may not."""


def checked(text):
    """The text itself; NotAllowed, with the line, if it is more than arithmetic.

    >>> checked("cimport posix.unistd")
    Traceback (most recent call last):
    minitf.course.grader.cython_rules.NotAllowed: line 1: cimport posix.unistd is not allowed; allowed are cython, libc.math, ...
    """
    lines = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and "distutils" in token.string:
                raise NotAllowed(f"line {token.start[0]}: a comment that sets compiler options is not allowed")
            if token.type in (tokenize.NAME, tokenize.OP):
                lines.setdefault(token.start[0], []).append(token.string)
    except (tokenize.TokenError, IndentationError, SyntaxError) as error:
        raise NotAllowed(f"SyntaxError: {error}") from None
    for number, words in lines.items():
        if "cimport" in words:
            _check_cimport(number, words, text.splitlines()[number - 1].strip())
            continue
        for word in words:
            if word in WORDS:
                raise NotAllowed(f"line {number}: '{word}' {WORDS[word]}, which an exercise may not")
    return text


def _check_cimport(number, words, line):
    where = words.index("cimport")
    if words[0] == "from":
        module, names = "".join(words[1:where]), {w for w in words[where + 1:] if w.isidentifier() and w != "as"}
    else:
        module, names = "".join(words[where + 1:]).partition("as")[0] if "as" in words else "".join(words[where + 1:]), set()
    allowed = MODULES.get(module, set()) if module in MODULES else set()
    if module not in MODULES or allowed is not None and (not names or names - allowed):
        raise NotAllowed(f"line {number}: {line} is not allowed; allowed are "
                         + ", ".join(m if n is None else f"{', '.join(sorted(n))} of {m}" for m, n in MODULES.items()))
