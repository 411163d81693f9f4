import numpy as np

from ...task import Task, equal, expect

task = Task(
    "Compute equal things once", function="merge_equal", replaces="minitf.session.optimise.merge_equal",
    hints=["""One pass is enough. Because the order is topological, the inputs of a node have been decided before it: first put what
              stands for them in their place, then ask whether the node is new.""",
           """Build a key from everything that has to be equal, and keep a dict from key to the first node that had it. Give nodes that
              may not be merged no key at all.""",
           """Sort the inputs of a commutative op by some number (each Node has a serial), take the controls as a frozenset, and turn
              arrays into (dtype, shape, bytes) and lists into tuples. Comparing bytes keeps 0.0 and -0.0 apart, and float32 from
              float64 if the dtype is in it. A node whose value is known gets the key that a constant of that value would get."""],
    why="""The method is value numbering: two nodes with the same number have the same value, whatever it is (Click, "Global Code
           Motion, Global Value Numbering", PLDI 1995, which TensorFlow's optimizer followed). Gradients make it worth while: rules
           written one op at a time compute the same transposes and masks again and again. Random ops are the classic mistake: two
           dropout masks that become one.""")


def merged(mine, nodes):
    """nodes: [[type, attrs, inputs, controls, dtypes, values or None]].  What becomes of them, by position, with inputs and controls."""
    from minitf.graph.program import Node
    made = []
    for k, (type_, attrs, inputs, controls, dtypes, values) in enumerate(nodes):
        sources, before = [(made[i], o) for i, o in inputs], [made[c] for c in controls]
        node = Node(f"n{k}", type_, dict(attrs), sources, before, "", None, [tf.as_dtype(d) for d in dtypes], [()] * len(dtypes))
        node.values = values
        made.append(node)
    number = {node: k for k, node in enumerate(made)}
    kept, replaced = mine.merge_equal(list(made))
    return ([number[n] for n in kept], [[number[a], number[b]] for a, b in replaced.items()],
            [[[number[n], i] for n, i in node.inputs] for node in kept], [sorted({number[n] for n in node.controls}) for node in kept])


def session_run(mine, a, b):
    with tf.Graph().as_default(), tf.Session() as sess:
        x, y = tf.placeholder(tf.float64, [3, 3]), tf.placeholder(tf.float64, [3, 3])
        z = tf.matmul(tf.matmul(x, y) + 1.0, tf.matmul(x, y) + 1.0) + tf.matmul(y, x)
        products = [i for i in sess.explain(z, {x: a, y: b}).instructions() if "MatMul" in i.node.type]
        return sess.run(z, {x: a, y: b}), len(products)


FEED = ["_Feed", {}, [], [], ["float32"], None]
COMMUTATIVE = {"Add", "Mul"}


def _op(type_, *inputs, attrs=None, controls=(), dtypes=("float32",), values=None):
    return [type_, attrs or {}, [i if isinstance(i, list) else [i, 0] for i in inputs], list(controls), list(dtypes), values]


def _agrees(run, nodes, same):
    """Compare with the definition, pair by pair.  same(j, k): whether two nodes are equal but for inputs and controls."""
    stands = []
    for k in range(len(nodes)):
        def form(n):
            type_, _, inputs, controls, _, value = nodes[n]
            moved = [(stands[i], o) for i, o in inputs] if value is None else []
            return sorted(moved) if type_ in COMMUTATIVE else moved, {stands[c] for c in controls}
        stands.append(next((j for j in range(k) if stands[j] == j and same(j, k) and form(j) == form(k)), k))
    kept, replaced, inputs, controls = run(merged, nodes)
    wanted = [k for k in range(len(nodes)) if stands[k] == k]
    expect(len(set(kept)) == len(kept) and kept == sorted(kept), "the nodes that stay should be in their order, each once")
    wrongly, missed = [k for k in wanted if k not in kept], [k for k in kept if k not in wanted]
    expect(not wrongly, f"nodes that equal no other were dropped, {len(wrongly)} in all; the first: {wrongly and nodes[wrongly[0]][0]}")
    expect(not missed, f"nodes that equal an earlier one stayed, {len(missed)} in all; the first: {missed and nodes[missed[0]][0]}")
    equal(sorted(replaced), [[k, s] for k, s in enumerate(stands) if k != s], "which node stands for which")
    for n, ins, after in zip(kept, inputs, controls):
        if nodes[n][5] is None:
            equal(ins, [[stands[i], o] for i, o in nodes[n][2]], "the inputs of a node that stays")
        equal(after, sorted({stands[c] for c in nodes[n][3]}), "the controls of a node that stays")


@task.check(1, "the same op of the same inputs, in either order where that is the same, and what follows from it",
            hint="""If x stands for y, then an op of y is one of x. Are the inputs replaced before you ask whether a node is new? And a - b
                    is not b - a.""")
def plain(run, random):
    for _ in range(15):
        nodes = [FEED, FEED, FEED]
        for k in range(3, 40):
            nodes.append(_op(str(random.choice(["Add", "Sub", "Mul"])), *[int(i) for i in random.integers(max(0, k - 12), k, size=2)]))
        _agrees(run, nodes, lambda j, k: nodes[j][0] == nodes[k][0] != "_Feed")
    a, b = random.normal(size=(2, 3, 3))
    value, products = run(session_run, a, b)
    right = (a @ b + 1) @ (a @ b + 1) + b @ a
    expect(abs(value - right).max() < 1e-9, "a session that runs with it computes something else")
    equal(products, 3, "the number of products that a session computes, where one stands twice in the graph")


@task.check(1, "other attributes, other outputs and other controls make another node",
            hint="""Two arrays may print alike and differ, be of one shape and two dtypes, or have the same bytes in two shapes. Two inputs
                    may be different outputs of one node. And controls have no order.""")
def differences(run, random):
    attrs = [np.array([1, 2]), np.array([1, 3]), np.array([1, 2], np.int32), np.array([[1], [2]]), [5, 6], [6, 5], 3, 4]
    long = np.arange(3000)
    attrs += [long, np.where(long == 1500, 7, long)]                      # these two look the same when printed
    for _ in range(15):
        nodes, which = [FEED, FEED, _op("SoftmaxCrossEntropyWithLogits", 0, 1, dtypes=["float32", "float32"])], [None, None, None]
        for k in range(3, 40):
            source = [2, int(random.integers(2))] if random.random() < 0.5 else [int(random.integers(k)), 0]
            controls = [int(c) for c in random.permutation(3)[:random.integers(4)]]
            which.append(int(random.integers(len(attrs))))
            nodes.append(_op("Reshape", source, attrs={"a": attrs[which[-1]], "b": "s"}, controls=controls))
        _agrees(run, nodes, lambda j, k: which[j] is not None and which[j] == which[k])


@task.check(1, "what has state, stands for a variable, or has no output is never merged",
            hint="""Go through the four kinds in the paragraph that begins with "These are never the same", one by one.""")
def never(run, random):
    for _ in range(10):
        nodes = [FEED, FEED, _op("VariableV2", dtypes=["float32_ref"]), _op("_Recv"), _op("_Recv")]
        for _ in range(25):
            kind = str(random.choice(["RandomStandardNormal", "Identity", "NoOp", "Add", "_ReadVariable"]))
            inputs = {"RandomStandardNormal": [0], "Identity": [2], "NoOp": [], "_ReadVariable": [2], "Add": [0, 1]}[kind]
            nodes.append(_op(kind, *inputs, attrs={"dtype": 1}, dtypes=[] if kind == "NoOp" else ["float32"]))
        _agrees(run, nodes, lambda j, k: nodes[j][0] == nodes[k][0] == "Add")


@task.check(1, "constants by their elements, and nodes whose value is known",
            hint="""0.0 == -0.0 and 0 == 0.0 in Python, and neither pair is one constant. A node with a known value is compared by it,
                    whatever its type and inputs are.""")
def constants(run, random):
    values = [np.array(0.0), np.array(-0.0), np.array(0.0, np.float32), np.array(0),
              np.array([1, 2, 3, 4]), np.array([[1, 2], [3, 4]]), np.array([1, 2, 3, 5])]
    for _ in range(10):
        nodes, which = [FEED, FEED], [None, None]
        for _ in range(25):
            which.append(int(random.integers(len(values))))
            value = values[which[-1]]
            kind, dtype = str(random.choice(["Add", "Sub", "Const", "Const"])), str(value.dtype)
            if kind == "Const":
                known = [value] if random.random() < 0.5 else None
                nodes.append(_op("Const", attrs={"value": value, "dtype": dtype}, values=known, dtypes=[dtype]))
            else:
                nodes.append(_op(kind, len(nodes) - 1, 0, values=[value], dtypes=[dtype]))
        _agrees(run, nodes, lambda j, k: which[j] is not None and which[j] == which[k])
