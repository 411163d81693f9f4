"""Tables: grades as text for a terminal."""
import textwrap

from .outline import chapters, tasks_of

WIDTH = 110
STATES = {"stub": "not written yet", "missing": "no file", "passed": "passed", "partly": "partly", "failed": "not yet right"}


def number(points):
    return f"{points:g}"


def indented(label, text, first=6):
    """'      label text', wrapped, the following lines under the text.  A text of several lines (a compiler's, say) keeps them."""
    begin = " " * first + label
    if "\n" in text.strip():
        return begin + ("\n" + " " * len(begin)).join(text.strip().splitlines())
    return textwrap.fill(text, WIDTH, initial_indent=begin, subsequent_indent=" " * len(begin), break_on_hyphens=False)


def task_lines(result, hints=0, show_why=False):
    """One line for a task, and below it what is broken with a hint, or why it matters."""
    task = result.task
    lines = [f"  {task.name + task.suffix:32} {number(result.points):>4} of {number(task.points):<3} {STATES[result.state]}"]
    if result.state in ("stub", "missing"):
        return lines
    said = {}
    for outcome in result.broken:
        said.setdefault(outcome.message, []).append(outcome)
    for message, outcomes in said.items():                           # the same error in every check is told once
        more = f" (and {len(outcomes) - 1} more)" if len(outcomes) > 1 else ""
        lines.append(indented("broken: ", "the file as a whole" if result.message else outcomes[0].name + more))
        lines.append(indented("        ", message))
        if outcomes[0].hint and len(outcomes) == 1:
            lines.append(indented("look:   ", outcomes[0].hint))
    if result.broken:
        command, k = f"make hint TASK={task.chapter[:2]}/{task.name}", min(hints, len(task.hints))
        if k:
            lines.append(indented("hint:   ", task.hints[k - 1] + (f"  ({command} for another)" if k < len(task.hints) else "")))
        else:
            lines.append(indented("hints:  ", command))
        if result.output.strip():
            lines.append(indented("prints: ", " | ".join(result.output.strip().splitlines()[-5:])[-400:]))
    elif show_why:
        lines.append(indented("why:    ", task.why))
    return lines


def chapter_table(chapter, results, seed, hints, newly):
    """A chapter's table.  hints(task): how many were shown; newly: the tasks that pass for the first time."""
    lines = [f"{chapter.folder}: {chapter.title}", ""]
    for result in results:
        lines += task_lines(result, hints(result.task), result.task in newly)
    points, possible = sum(r.points for r in results), sum(r.task.points for r in results)
    lines += ["", f"  {number(points)} of {number(possible)} points"]
    if any(r.broken and r.state in ("partly", "failed") for r in results):
        lines[-1] += f"; the random inputs are those of SEED={seed}"
    return "\n".join(lines)


def course_table(points_of, which=None):
    """A line per chapter and a total.  points_of(task) -> points won, or None where it was not graded."""
    rows, won, possible = [], 0, 0
    for chapter in chapters(which):
        tasks = tasks_of(chapter.folder)
        got = [points_of(t) or 0 for t in tasks]
        full = sum(t.points for t in tasks)
        done = sum(g == t.points for g, t in zip(got, tasks))
        bar = "#" * round(20 * sum(got) / full) if full else ""
        rows.append(f"  {chapter.folder:16} {bar:20} {done:>3} of {len(tasks)} tasks {number(sum(got)):>7} of {number(full):>3} points")
        won, possible = won + sum(got), possible + full
    return "\n".join(rows + ["", f"  {'together':37} {'':14} {number(won):>7} of {number(possible):>3} points"])
