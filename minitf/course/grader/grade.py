"""Grade: points for a reader's file, property by property.

The checks of a task run here, in the grader's process; the reader's code runs in a process of its own (process.py).  A check that
holds earns its points; one that does not says which property broke, and never the answer.
"""
import concurrent.futures
import os
import zlib
from collections import namedtuple
from pathlib import Path

import numpy as np

from .. import cuda_build, cython_build
from ..exercises import is_untouched
from ..task import PropertyBroken
from . import cuda_rules, cython_rules
from .cython_rules import NotAllowed
from .process import Died, Failed, ForkServer, OutOfTime, Submission

SEED = 2015                   # of the checks' random inputs, unless an instructor gives another

Outcome = namedtuple("Outcome", "check name points possible message hint")
Outcome.__doc__ = """What came of one check: its function's name, the property in words, points won and possible, what is wrong ("" if nothing), and
where to look then (None if the check has no hint of its own)."""


class Result:
    """What came of one task.

    state      "passed", "partly", "failed"; "stub" where the reader has not begun, "missing" where there is no file
    message    what is wrong with the file as a whole, else ""
    output     the end of what the reader's code printed
    """

    def __init__(self, task, outcomes, state=None, message="", output=""):
        self.task, self.outcomes, self.message, self.output = task, outcomes, message, output
        self.points = sum(o.points for o in outcomes)
        self.state = state or ("passed" if self.points == task.points else "partly" if self.points else "failed")

    @property
    def broken(self):
        return [o for o in self.outcomes if o.message]


def grade_text(server, task, text, seed=SEED, hidden=(), thorough=False):
    """The Result of a reader's file, given as text.

    thorough: run every check of an untouched stub too, and of a file that can not be loaded (the tests of the course ask for it).
    """
    # CUDA C can not raise the error by which other stubs are known.
    untouched = task.suffix == ".cu" and is_untouched(task, text)
    if untouched and not thorough:
        return _none(task, "stub", "nothing is written yet")
    try:
        shared_object = _compiled(task, text)
    except (NotAllowed, cython_build.CythonError, cuda_build.CudaError) as error:
        return _none(task, "failed", str(error))
    with Submission(server, task, text, shared_object, hidden) as submission:
        outcomes, state, stop = [], None, ""
        for check in task.checks:
            message = stop or _run(submission, task, check, seed)
            if (untouched or message.startswith("NotImplementedError: write this")) and not outcomes:
                state = "stub"
            if not thorough and (state == "stub" or message.startswith(_HOPELESS)):
                stop = message
            outcomes.append(Outcome(check.function.__name__, check.name, 0 if message else check.points, check.points, message, check.hint))
        if state == "stub" and any(o.points for o in outcomes):
            state = None
        return Result(task, outcomes, state, output=submission.end())


def _compiled(task, text):
    """The path of what a reader's file was compiled to; None where it is Python."""
    if task.suffix == ".pyx":
        return str(cython_build.build(cython_rules.checked(text), name=task.name, checks=True))
    if task.suffix == ".cu":
        cuda_rules.checked(text)
        return str(cuda_build.build(text, task.name + task.suffix, look=lambda compiled: cuda_rules.checked_calls(text, compiled)))
    return None


_HOPELESS = "SyntaxError", "OutOfTime"


def _run(submission, task, check, seed):
    """"" if the check holds, else what is wrong."""
    random = np.random.default_rng([seed, zlib.crc32(task.file.encode()), zlib.crc32(check.function.__name__.encode())])
    called = submission.called
    try:
        check.function(submission, random)
    except PropertyBroken as broken:
        return str(broken) or check.name
    except Failed as failed:
        return str(failed)
    except (Died, OutOfTime) as end:
        return f"{type(end).__name__}: {end}"
    except Exception as error:                                        # what came back had a form that the check did not think of
        return f"what came back can not be judged ({type(error).__name__}: {str(error)[:200]})"
    return "" if submission.called > called else "this check never called the submission"


def _none(task, state, message):
    return Result(task, [Outcome(c.function.__name__, c.name, 0, c.points, message, c.hint) for c in task.checks], state, message)


def grade_file(server, task, folder, **options):
    """The Result of the reader's file of a task below `folder`."""
    path = Path(folder) / task.file
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _none(task, "missing", f"there is no {path}")
    except (OSError, UnicodeDecodeError) as error:
        return _none(task, "failed", f"{path} can not be read: {error}")
    return grade_text(server, task, text, **options)


def grade_all(jobs, workers=None, done=None, **options):
    """[Result] of jobs [(task, folder)], several at a time.

    workers: how many at a time, by default one a core; done(k, result) is called as each ends.
    """
    workers = workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else workers or os.cpu_count() or 2
    results = [None] * len(jobs)
    with ForkServer() as server, concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(grade_file, server, task, folder, **options): k for k, (task, folder) in enumerate(jobs)}
        try:
            for future in concurrent.futures.as_completed(futures):
                k = futures[future]
                results[k] = future.result()
                if done is not None:
                    done(k, results[k])
        except BaseException:
            for future in futures:
                future.cancel()
            server.close()                                            # Ctrl-C: what runs is ended too, and nobody waits for it
            raise
    return results
