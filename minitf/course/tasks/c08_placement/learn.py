from ...task import Task, close, equal, expect

task = Task(
    "A cost model that learns", function="update", replaces="minitf.placement.cost_model.CostModel.update",
    hints=["""Do not record while you go through the instructions: an operation may come again. Gather first, in a dict whose keys are pairs
              of a name and a device.""",
           """For each member of an instruction add its part of the time. A Send has no members, so the loop over them does nothing, and
              nothing has to be asked.""",
           """What no instruction has among its members is found at the end: go through nodes, and compare with the names that were seen, on
              whatever device. 1000 nanoseconds are a microsecond."""],
    why="""What is measured is never quite what one asks for. An equal share for each member of a fused chain is a guess, but their sum is
           right, and they will be fused again. That a folded constant costs nothing, and is not unknown, is what keeps a placer from moving
           it about. TensorFlow's cost model has the same rules: it leaves out Sends and Recvs, since their time is mostly waiting.""")


def recorded(mine, devices, nodes, times=1):
    """[[name, device, microseconds, nbytes]] that update records, and the steps it counts.

    devices: {device: [[node_name, members, nanos, outputs]]}
    """
    from minitf.core.step_stats import DeviceStepStats, NodeExecStats, NodeOutput, StepStats, TensorDescription

    class Model:
        def __init__(self):
            self.steps, self.noted = 0, []

        def record(self, name, device, microseconds, nbytes=None):
            self.noted.append([name, device, float(microseconds), None if nbytes is None
                               else sorted([int(k), int(v)] for k, v in nbytes.items())])

    def stats(name, members, nanos, outputs):
        made = [NodeOutput(slot, TensorDescription(tf.float32, (size // 4,), size)) for slot, size in outputs]
        return NodeExecStats(name, 0, 0, nanos // 500, nanos // 500, 0, 2 * nanos, f"{name} = Op()", 0, 0, made, waited_nanos=nanos,
                             members=list(members))
    model = Model()
    step = StepStats([DeviceStepStats(device, [stats(*i) for i in instructions]) for device, instructions in devices.items()])
    for _ in range(times):
        mine.update(model, step, nodes)
    return model.noted, model.steps


def learned(mine, n):
    """What a real model has learned from real steps on two devices: the time of each op that was measured, and of a folded constant."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [n, n])
        with tf.device("/cpu:0"):
            a = tf.matmul(x, x, name="a")
            b = tf.tanh(a * 2.0 + 1.0, name="b")
        with tf.device("/cpu:1"):
            c = tf.matmul(b, b, name="c")
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
            model = tf.placement.measure(sess, c, {x: np.ones((n, n), np.float32)}, steps=3)
    return model.steps, [bool(model.is_measured(name)) for name in ("a", "b", "c")]


def wanted(devices, nodes):
    """{(name, device): [microseconds, nbytes]}"""
    found = {}
    for device, instructions in devices.items():
        for name, members, nanos, outputs in instructions:
            for m in members:
                entry = found.setdefault((m, device), [0.0, None])
                entry[0] += nanos / len(members) / 1000
                if members == [name]:
                    entry[1] = sorted([list(o) for o in outputs])
    for name, device in (nodes or {}).items():
        if not any(n == name for n, _ in found):
            found[name, device] = [0.0, None]
    return found


def _agrees(run, devices, nodes, what, times=1):
    noted, steps = run(recorded, devices, nodes, times)
    equal(steps, times, f"{what}: the steps that are counted")
    right = wanted(devices, nodes)
    for name, device, _, _ in noted:
        expect((name, device) in right, f"{what}: {name} on {device} was recorded, of which nothing is to be told")
        count = sum(1 for n, d, _, _ in noted if (n, d) == (name, device))
        expect(count == times, f"{what}: {name} on {device} was recorded {count} times in {times} step{'s' * (times > 1)}")
    equal(sorted(f"{n} on {d}" for n, d, _, _ in noted), sorted(f"{n} on {d}" for n, d in right for _ in range(times)),
          f"{what}: what is recorded")
    for name, device, microseconds, nbytes in noted:
        close(microseconds, right[name, device][0], f"{what}: the microseconds of {name} on {device}")
        equal(nbytes, right[name, device][1], f"{what}: the bytes of {name} on {device}")


def drawn(random, fused=False, pieces=False):
    """Instructions of some operations on two devices, with Sends and Recvs among them."""
    devices, nodes, k = {}, {}, 0
    for device in ("/device:CPU:0", "/device:CPU:1"):
        instructions = []
        for _ in range(int(random.integers(3, 7))):
            count = int(random.integers(2, 5)) if fused and random.random() < 0.5 else 1
            names = [f"op{k + i}" for i in range(count)]
            k += count
            nodes.update(dict.fromkeys(names, device))
            for _ in range(int(random.integers(1, 3)) if pieces else 1):
                outputs = [[slot, int(random.integers(1, 100)) * 4] for slot in range(int(random.integers(1, 3)))]
                instructions.append([names[-1], names, int(random.integers(100, 10 ** 6)), outputs])
            if random.random() < 0.5:
                kind = "send" if random.random() < 0.5 else "recv"
                instructions.append([f"{names[-1]}/_{kind}_{k}", [], int(random.integers(10 ** 6)), []])
        devices[device] = instructions
    return devices, nodes


@task.check(1, "times and bytes of operations with an instruction each, and the steps",
            hint="""Do the docstring's example with "y" alone. In which unit is work_nanos, and in which what record wants? And is
                    the step counted?""")
def alone(run, random):
    for _ in range(3):
        devices, nodes = drawn(random)
        _agrees(run, devices, None, "a step of which only the trace is known")
        _agrees(run, devices, nodes, "a step of single operations")
    _agrees(run, drawn(random)[0], None, "a step, seen three times", times=3)


@task.check(0.5, "members of one instruction share its time; several instructions of one add up",
            hint="""3000 ns for two members are 1.5 us each, and tell the bytes of neither. And if an operation comes a second time on a
                    device, is there one record for it in the end, or two?""")
def shares(run, random):
    for _ in range(4):
        _agrees(run, drawn(random, fused=True)[0], None, "fused instructions")
    devices, nodes = drawn(random, fused=True, pieces=True)
    for instructions in devices.values():                   # the bytes of pieces are those of the last
        for i in instructions:
            i[3] = [[0, 40]] if i[1] else []
    _agrees(run, devices, nodes, "operations that ran in pieces")
    twice = {d: [["w", ["w"], nanos, [[0, 4]]]] for d, nanos in (("/device:CPU:0", 3000), ("/device:CPU:1", 5000))}
    _agrees(run, twice, {"w": "/device:CPU:0"}, "an operation that ran on both devices")


@task.check(0.5, "what no instruction does took no time",
            hint="""An operation that is in nodes and in nobody's members: 0.0, on its device, bytes unknown. One that is among the members
                    of a fused instruction did run.""")
def nothing(run, random):
    for _ in range(3):
        devices, nodes = drawn(random, fused=True)
        nodes.update({f"folded{k}": f"/device:CPU:{int(random.integers(2))}" for k in range(int(random.integers(1, 4)))})
        _agrees(run, devices, nodes, "a program with folded operations")
    _agrees(run, {"/device:CPU:0": []}, {"x": "/device:CPU:0"}, "a step without any instruction")


@task.check(1, "tf.placement.measure learns by it",
            hint="""Here the package calls your method with the traces of three steps on two devices. Which operations does the model know
                    afterwards, and how many steps?""")
def measured(run, random):
    steps, known = run(learned, int(random.integers(8, 20)))
    equal(steps, 3, "the steps that a model of tf.placement.measure(..., steps=3) has learned from")
    equal(known, [True, True, True], "whether the model knows the two products and the tanh that is fused with what comes before it")
