import numpy as np

from ...task import Task, equal, expect

task = Task(
    "Writes that nobody orders", function="unordered_writes", replaces="minitf.session.unordered.unordered_writes",
    hints=["""Three steps: which operations run (needed), which of them write which variable (written_by), and which writes are ahead of
              which. Sorted by _id the operations are in a topological order.""",
           """Go through the operations in that order and keep, for each, the set of writes from which a path leads to it: the union of
              the sets of the operations that it takes its inputs from or waits for, and itself if it writes. Then every pair is one
              look into a set.""",
           """Mind what is no path: an input that is fed. And what is no mistake: two ADDING writes. To be fast, carry only writes of
              variables that are written more than once, and share sets between operations instead of copying them."""],
    why="""This is race detection by the happens-before relation, as in Lamport's paper of 1978, on a graph in place of a run: an edge
           is a promise, and what no path orders may come in either order. TensorFlow 1.x had no such check, and unordered assigns were
           among its most asked about surprises; TensorFlow 2 puts the edges in by itself, in the order of the program's lines.""")


def findings(mine, count, nodes, fetches, feeds):
    """nodes: [[kind, variable or None, inputs, controls]]; the names of what is found."""
    with tf.Graph().as_default():
        variables = [tf.Variable(1.0, name=f"v{k}") for k in range(count)]
        out = []
        for k, (kind, variable, inputs, controls) in enumerate(nodes):
            name, xs = f"n{k}", [out[i] for i in inputs]
            with tf.control_dependencies([out[c] for c in controls]):
                if kind == "sum":
                    out.append(tf.add_n(xs, name=name) if xs else tf.constant(float(k), name=name))
                elif kind == "read":
                    out.append(tf.identity(variables[variable], name=name))
                elif kind == "group":
                    out.append(tf.no_op(name=name))
                else:
                    update = {"Assign": tf.assign, "AssignAdd": tf.assign_add, "AssignSub": tf.assign_sub}[kind]
                    target = variables[variable] if variable is not None else xs.pop(0)
                    out.append(update(target, tf.add_n(xs) if xs else 2.0, name=name))
        found = mine.unordered_writes([out[f] for f in fetches], [out[f] for f in feeds])
        return [[v.name, a.name, b.name] for v, a, b in found]


def busy(mine, writes, apart):
    """A long chain with a write now and then, and a write outside it; the time is that of unordered_writes alone."""
    import time
    with tf.Graph().as_default():
        v = tf.Variable(1.0, name="v0")
        alone, x = tf.assign(v, 7.0, name="alone"), tf.constant(1.0)
        for k in range(writes):
            for _ in range(apart):
                x = tf.identity(x)
            with tf.control_dependencies([x]):
                x = tf.assign(v, float(k), name=f"w{k}")
        began = time.process_time()
        found = mine.unordered_writes([x, alone], [])
        return [[a.name, b.name] for _, a, b in found], time.process_time() - began


def _expected(nodes, fetches, feeds):
    """By brute force: the operations that run, and all paths, as a matrix."""
    size = len(nodes)
    edge, target = np.zeros((size, size), bool), [None] * size
    for k, (kind, variable, inputs, controls) in enumerate(nodes):
        edge[[i for i in inputs if i not in feeds] + controls, k] = True
        if kind.startswith("Assign"):
            target[k] = variable if variable is not None else target[inputs[0]]
    path = edge.copy()
    for _ in range(size):
        path |= (path.astype(int) @ edge.astype(int)) > 0
    runs = [any(k == f or path[k, f] for f in fetches if f not in feeds) for k in range(size)]
    found = []
    for a in range(size):
        for b in range(a + 1, size):
            if target[a] is not None and target[a] == target[b] and runs[a] and runs[b] and not path[a, b]:
                if nodes[a][0] == "Assign" or nodes[b][0] == "Assign":
                    found.append([f"v{target[a]}", f"n{a}", f"n{b}"])
    return found


def _random_nodes(random, size, variables, adding=False, chained=True):
    """Mostly sums and groups between some writes.  The first three are constants."""
    nodes = [["sum", None, [], []] for _ in range(3)]
    valued, refs = [0, 1, 2], []
    for k in range(3, size):
        kind = str(random.choice(["sum", "sum", "read", "group", "Assign", "Assign"]))
        if kind == "Assign" and adding:
            kind = str(random.choice(["Assign", "AssignAdd", "AssignSub"]))
        inputs = [] if kind in ("read", "group") else [int(random.choice(valued[-6:])) for _ in range(random.integers(1, 3))]
        variable = int(random.integers(variables)) if kind not in ("sum", "group") else None
        if kind.startswith("Assign") and chained and refs and random.random() < 0.3:
            variable, inputs = None, [int(random.choice(refs)), *inputs]
        controls = [c for c in sorted({int(c) for c in random.integers(k, size=2 if kind == "group" else 1)})
                    if c not in inputs and random.random() < (1 if kind == "group" else 0.3)]
        nodes.append([kind, variable, inputs, controls])
        if kind != "group":
            valued.append(k)
        if kind.startswith("Assign"):
            refs.append(k)
    return nodes


def _agrees(run, variables, nodes, fetches, feeds):
    case = nodes, fetches, feeds
    wrong = _difference(run, variables, *case)
    size = len(nodes) + 1 if wrong else 0
    while size > len(case[0]):                   # as long as it helps, leave out what the mistake does not need
        size = len(case[0])
        for k in reversed(range(size)):
            smaller = _without(k, *case)
            try:
                told = smaller and _difference(run, variables, *smaller)
            except Exception:                    # the submission fails there in another way
                told = ""
            if told:
                case, wrong = smaller, told
    expect(not wrong, f"{wrong}, in {_told(*case)}")


def _difference(run, variables, nodes, fetches, feeds):
    """"", or what is wrong with what is found."""
    got, wanted = run(findings, variables, nodes, fetches, feeds), _expected(nodes, fetches, feeds)
    form = isinstance(got, list) and all(isinstance(g, list) and len(g) == 3 for g in got)
    expect(form, "the result should be a list of (variable, first, second)")
    more, fewer = [g for g in got if g not in wanted], [w for w in wanted if w not in got]
    for variable, a, b in more:
        pair = f"({variable}, {a}, {b})"
        return f"{pair} is found, which is the wrong way round" if [variable, b, a] in wanted else f"{pair} is found, which should not be"
    if fewer:
        return f"{len(fewer)} of {len(wanted)} pairs {'is' if len(fewer) == 1 else 'are'} not found"
    return "" if len(got) == len(wanted) else "a pair is found twice"


def _without(k, nodes, fetches, feeds):
    """The same without node k: (nodes, fetches, feeds), or None if an update of what node k hands on would be left."""
    if any(variable is None and kind.startswith("Assign") and inputs[0] == k for kind, variable, inputs, _ in nodes):
        return None

    def left(indices):
        return [i - (i > k) for i in indices if i != k]
    others = [[kind, variable, left(inputs), left(controls)] for kind, variable, inputs, controls in nodes[:k] + nodes[k + 1:]]
    return others, left(fetches), left(feeds)


def _told(nodes, fetches, feeds):
    """A graph in words."""
    lines = []
    for k, (kind, variable, inputs, controls) in enumerate(nodes):
        given = ([] if variable is None else [f"v{variable}"]) + [f"n{i}" for i in inputs]
        name = {"sum": "constant" if not inputs else "sum", "group": "no_op"}.get(kind, kind)
        after = " after " + ", ".join(f"n{c}" for c in controls) if controls else ""
        lines.append(f"n{k} = {name}" + f"({', '.join(given)})" * bool(given) + after)
    ends = [f"{what} " + ", ".join(f"n{k}" for k in which) for what, which in (("fed", feeds), ("fetched", fetches)) if which]
    return "; ".join(lines + ends)


@task.check(1, "two writes of one variable, with an edge between them or none",
            hint="""Draw the graph of the message. Which operations write the variable? Of two of them, is one reached from the other? The
                    first of a pair is the one that was made first.""")
def plain(run, random):
    constant = ["sum", None, [], []]
    for _ in range(10):
        nodes = [constant] + [["Assign", int(random.integers(2)), [0], [k] if k and random.random() < 0.4 else []] for k in range(5)]
        _agrees(run, 2, nodes, list(range(1, 6)), [])


@task.check(1, "paths of data and control edges, through operations that write nothing",
            hint="""A path goes on through an operation that writes nothing, or another variable. What reaches one operation reaches all
                    that come after it. And an update of an update writes the same variable.""")
def paths(run, random):
    for _ in range(15):
        nodes = _random_nodes(random, 40, 3)
        _agrees(run, 3, nodes, [int(k) for k in random.choice(np.arange(20, 40), size=6, replace=False)], [])


@task.check(1, "what a fed tensor cuts off does not write, and no path leads through it",
            hint="""Two places ask about feeds: what runs at all, and along which inputs a path may come. A control edge is no input.""")
def feeds(run, random):
    for _ in range(15):
        nodes = _random_nodes(random, 40, 2, chained=False)
        may = [k for k in range(3, 30) if nodes[k][0] in ("sum", "Assign")]
        fed = [int(k) for k in random.choice(may, size=min(6, len(may)), replace=False)]
        fetched = [int(k) for k in random.choice(np.arange(10, 40), size=10, replace=False)]
        _agrees(run, 2, nodes, fetched, fed)


@task.check(1, "two additions may come in either order, an addition and an assignment may not",
            hint="""v += 1 and v += 2 give the same in either order. Do v += 1 and v = 2?""")
def adding(run, random):
    for _ in range(15):
        nodes = _random_nodes(random, 30, 2, adding=True)
        _agrees(run, 2, nodes, list(range(10, 30)), [])


@task.check(1, "two hundred writes among 2,000 operations take less than a second",
            hint="""Two hundred writes are 19,900 pairs. What could be kept with each operation, once, so that a pair is one question?""")
def fast(run, random):
    writes = 200 + int(random.integers(10))
    pairs, seconds = run(busy, writes, 9)
    equal(sorted(p for p in pairs if "alone" not in p), [], "pairs of writes in a chain, which are in order")
    expect(len(pairs) == writes, f"{len(pairs)} pairs with the write outside the chain are found, {writes} are there")
    expect(isinstance(seconds, float) and seconds < 1, f"{writes} writes among {10 * writes:,} operations took {seconds:.1f} s")
