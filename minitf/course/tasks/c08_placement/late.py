from ...task import Task, equal, expect

task = Task(
    "Late receives", function="_transfers", replaces="minitf.session.schedule._transfers",
    hints=["""Forget the places that Sends and Recvs have in the order. Go through the other nodes in theirs: before each, put the Recvs
              that it is the first to use; behind it, its Sends.""",
           """Two dicts are made first, in one pass: from a node to its Sends, and from a Recv to the first node that uses it. A Send is a
              user like any other, and so is a node that only has it among its controls.""",
           """A Recv may itself be sent on: its Sends stand behind it, wherever it comes to stand. If a Send is the first user, the Recv
              comes where the loop meets that Send, though the Send itself is not put out a second time."""],
    why="""As late as possible is one half of scheduling, as soon as possible the other; for memory the first is right for Recvs and the
           second for Sends, after which the sender can let go of the value. TensorFlow held Recvs back by control edges from a simulated
           clock. A device with a program counter needs no clock: at its Recv it waits, so a Recv that comes later can only make it wait
           less.""")


def sorted_nodes(mine, spec):
    """Names in the new order.  spec: [[name, type, [names of inputs], [names of controls]]]"""
    from minitf.graph.program import Node
    nodes = {}
    for name, type, inputs, controls in spec:
        nodes[name] = Node(name, type, {}, [(nodes[n], 0) for n in inputs], [nodes[n] for n in controls], "", None, [tf.float32], [(2,)])
    before = [(n.name, list(n.inputs), list(n.controls)) for n in nodes.values()]
    found = [n.name for n in mine._transfers(list(nodes.values()))]
    same = before == [(n.name, list(n.inputs), list(n.controls)) for n in nodes.values()]
    return found, same


def large(mine, size):
    """Seconds for a program of `size` Recvs, of which one node uses each."""
    import time
    from minitf.graph.program import Node
    recvs = [Node(f"r{k}", "_Recv", {}, [], [], "", None, [tf.float32], [(2,)]) for k in range(size)]
    users = [Node(f"u{k}", "Neg", {}, [(r, 0)], [], "", None, [tf.float32], [(2,)]) for k, r in enumerate(recvs)]
    sends = [Node(f"s{k}", "_Send", {}, [(u, 0)], [], "", None, [], []) for k, u in enumerate(users)]
    began = time.process_time()
    found = mine._transfers(recvs + users + sends)
    return time.process_time() - began, [n.name for n in found[-3:]], len(found)


def run_of_two(mine, seed):
    """Whether a run on two devices gives what one device gives, and the instructions of the second device before its first Recv."""
    results, kinds = [], []
    for count in (1, 2):
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [3, 3])
            with tf.device("/cpu:0"):
                values = [tf.matmul(x, x * float(k + 1)) for k in range(4)]
            with tf.device("/cpu:%d" % (count - 1)):
                total = tf.matmul(x, x)
                for v in values:
                    total = tf.matmul(total, v)
            with tf.Session(config=tf.ConfigProto(device_count={"CPU": count})) as sess:
                fed = {x: np.random.default_rng(seed).normal(size=(3, 3)).astype(np.float32)}
                results.append(sess.run(total, fed))
                kinds = [i.kind for i in sess.explain(total, fed).instructions("/cpu:%d" % (count - 1)) if i.kind in ("Recv", "Compute")]
    return bool(np.array_equal(*results)), kinds


def wanted(spec):
    """The order by a key for each node: its place, or that of the node it belongs to."""
    place = {name: k for k, (name, *_) in enumerate(spec)}
    kind = {name: type for name, type, *_ in spec}
    key = {}
    for name, type, inputs, controls in spec:               # users of Recvs, the first one counts
        for i, n in enumerate(dict.fromkeys(inputs + controls)):
            if kind[n] == "_Recv" and n not in key:
                key[n] = (place[name], 0, i)
    for name, type, inputs, controls in spec:
        if type == "_Recv":
            key.setdefault(name, (len(spec), place[name]))
        elif type != "_Send":
            key[name] = (place[name], 1)
    for name, type, inputs, controls in spec:
        if type == "_Send":
            key[name] = (*key[(inputs + controls)[0]], 9, place[name])
    return sorted(place, key=key.get)


def _agrees(run, spec, what):
    got, same = run(sorted_nodes, spec)
    right = wanted(spec)
    expect(same, f"{what}: inputs or controls of a node were changed")
    equal(sorted(got), sorted(right), f"{what}: the nodes, each once")
    kind = {name: type for name, type, *_ in spec}
    for chosen, words in ((("_Send", "_Recv"), "those that are no Sends and no Recvs"), (("_Send",), "all but Sends"), ((), "all")):
        equal([n for n in got if kind[n] not in chosen], [n for n in right if kind[n] not in chosen], f"{what}: the order of {words}")


def drawn(random, size, recvs=0.2, sends=0.3, passed_on=0.0, controls=0.0):
    """A device's part of a program."""
    spec, values = [], []
    for k in range(size):
        known = [n for n, type, *_ in spec if type != "_Send"]
        if values and random.random() < sends:
            source = str(random.choice(known if random.random() < passed_on else values))
            news = random.random() < controls
            spec.append([f"s{k}", "_Send", [] if news else [source], [source] if news else []])
        elif random.random() < recvs or not known:
            spec.append([f"r{k}", "_Recv", [], []])
        else:
            near = known[-8:]
            inputs = [str(n) for n in random.choice(near, min(len(near), int(random.integers(1, 4))), replace=True)]
            after = [str(random.choice(known))] if random.random() < controls else []
            spec.append([f"n{k}", "MatMul", inputs, after])
            values.append(f"n{k}")
    return spec


@task.check(1, "each Recv before its first user",
            hint="""Two Recvs at the top, and two nodes of which each uses one: the result is recv, user, recv, user. If one node is the
                    first to use both, they stand in the order of its inputs.""")
def recvs(run, random):
    _agrees(run, [["r1", "_Recv", [], []], ["r2", "_Recv", [], []], ["a", "X", ["r2"], []], ["b", "X", ["r1", "a"], []]], "two receives")
    _agrees(run, [["r1", "_Recv", [], []], ["r2", "_Recv", [], []], ["a", "X", ["r2", "r1", "r2"], []], ["b", "X", ["r1"], []]],
            "two receives of one node")
    for size in (5, 15, 40):
        _agrees(run, drawn(random, size, sends=0.0, recvs=0.4), f"{size} nodes without Sends")


@task.check(1, "each Send right behind what it sends",
            hint="""A value that is used at once and sent much later: the Send moves up to it. Two Sends of one value keep their order. A
                    Send without inputs belongs to its control.""")
def sends(run, random):
    _agrees(run, [["r", "_Recv", [], []], ["a", "X", ["r"], []], ["b", "X", ["a"], []], ["s1", "_Send", ["a"], []],
                  ["s2", "_Send", [], ["a"]],
                  ["s3", "_Send", ["b"], []]], "three sends")
    for size in (8, 20, 40):
        _agrees(run, drawn(random, size, controls=0.2), f"{size} nodes with Sends")


@task.check(1, "controls, values that are sent on, and what is only fetched",
            hint="""A Recv of which only a control edge leads to a node is used by it. A Recv whose first user is a Send stands where the
                    Send stood. And who uses the last Recv of [recv1, a(recv1), recv2]?""")
def corners(run, random):
    _agrees(run, [["r1", "_Recv", [], []], ["r2", "_Recv", [], []], ["r3", "_Recv", [], []], ["a", "X", ["r3"], ["r1"]],
                  ["b", "X", ["r2"], ["r3"]]], "controls")
    _agrees(run, [["r1", "_Recv", [], []], ["r2", "_Recv", [], []], ["a", "X", ["r2"], []], ["s", "_Send", ["r1"], []],
                  ["b", "X", ["a"], []],
                  ["c", "X", ["r1"], []]], "a value that is sent on before it is used")
    _agrees(run, [["r1", "_Recv", [], []], ["r2", "_Recv", [], []], ["a", "X", ["r2"], []], ["b", "X", ["a"], []], ["r0", "_Recv", [], []]],
            "what is only fetched")
    for size in (10, 20, 40, 40):
        _agrees(run, drawn(random, size, recvs=0.35, passed_on=0.5, controls=0.3), f"{size} nodes")


@task.check(1, "a session runs on it, and large programs take no time",
            hint="""The package calls your function for each device of a run. Looking through the whole order for the users of each Recv
                    takes a time that grows with the square of their number.""")
def at_work(run, random):
    equal_results, kinds = run(run_of_two, int(random.integers(1000)))
    expect(equal_results, "two devices give something else than one")
    equal(kinds[:2], ["Compute", "Recv"], "the first two instructions of a device that can compute before it must wait")
    expect("RecvRecv" not in "".join(kinds), "two Recvs stand side by side, of which the second is needed later")
    size = 8000 + int(random.integers(100))
    seconds, last, count = run(large, size)
    equal(count, 3 * size, f"the number of nodes of a program of {3 * size:,}")
    equal(last, [f"r{size - 1}", f"u{size - 1}", f"s{size - 1}"], "the last three nodes of a large program")
    expect(seconds < 1.5, f"a program of {3 * size:,} nodes took {seconds:.1f} s")
