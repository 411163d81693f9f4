from ...task import Task, close, equal, expect

task = Task(
    "The way to the end", function="ways_to_the_end", replaces="minitf.placement.greedy.ways_to_the_end",
    hints=["""A node's way is its own mean time, and the longest of what follows: for each edge out of it, the mean transfer and the way of
              the target. What must be known before a node can be worked out?""",
           """So go backwards. Count for each node how many edges come in, take what has none, and take off as you go: that is an order from
              the front, and its reverse is one from the end. Who is left over lies on a circle, or behind one.""",
           """Keep a dict from a number of bytes to its mean transfer: the sum over all pairs of two different devices, divided by the
              square of the number of devices. And work the ways out in a loop, not by recursion."""],
    why="""HEFT (Topcuoglu, Hariri and Wu, 2002) calls this the upward rank; in project planning the longest of all ways is the critical
           path (Kelley and Walker, 1959). It is a good rule and no law: on the chapter's LSTM it is a little worse than first come, first
           served, and where one long chain stands beside many short ones much better. So minitf's placer simulates both, and each device
           alone.""")


def ways(mine, times, edges, latency, bandwidth, devices):
    """[[node, way]], and how often transfer was called."""
    calls = []

    def transfer(nbytes, source, destination):
        assert source != destination, "transfer was called within a device"
        calls.append(nbytes)
        return latency[source + destination] + nbytes / bandwidth
    work = tf.placement.Work(times, [tuple(e) for e in edges], transfer, devices=devices)
    return [[node, float(way)] for node, way in mine.ways_to_the_end(work).items()], len(calls)


def chain(mine, length):
    """A long chain: its first way, the seconds, and how often transfer was called."""
    import time
    calls = [0]

    def transfer(nbytes, source, destination):
        calls[0] += 1
        return 1.0
    names = [f"n{k}" for k in range(length)]
    work = tf.placement.Work({n: {"a": 1.0, "b": 3.0} for n in names}, [(names[k], names[k + 1], k % 5) for k in range(length - 1)],
                             transfer, devices=["a", "b"])
    began = time.process_time()
    found = mine.ways_to_the_end(work)
    return float(found["n0"]), time.process_time() - began, calls[0]


def placed(mine, slow):
    """The makespan of the package's placer with both orders: two chains, of which the long one comes last in the order of nodes."""
    times = {**{f"s{k}": {"a": slow} for k in range(3)}, **{f"l{k}": {"a": 1.0} if k == 0 else {"b": slow} for k in range(4)}}
    edges = [(f"l{k}", f"l{k + 1}", 0) for k in range(3)]
    work = tf.placement.Work(times, edges, devices=["a", "b"])
    return [tf.placement.place(work, order).makespan for order in ("ready", "path")]


def drawn(random, size, devices=("a", "b", "c")):
    names = [f"n{int(k)}" for k in random.permutation(size)]
    times = {n: {str(d): int(random.integers(1, 40)) for d in devices if random.random() < 0.7} or {devices[0]: 5} for n in names}
    edges = []
    for k, target in enumerate(names):
        for source in (names[int(i)] for i in random.integers(max(0, k - 6), k, size=int(random.integers(0, 4)) if k else 0)):
            kind = random.random()
            output = [] if kind < 0.4 else [None] if kind < 0.6 else [int(random.integers(2))]
            edges.append([source, target, int(random.integers(0, 5)) * 12] + output)
    edges = [edges[int(i)] for i in random.permutation(len(edges))]
    times = {n: times[n] for n in sorted(times)}
    latency = {a + b: int(random.integers(1, 10)) for a in devices for b in devices if a != b}
    return times, edges, latency, 4, list(devices)


def longest(times, edges, latency, bandwidth, devices):
    """By going on until nothing grows, from all edges anew."""
    mean = {n: sum(t.values()) / len(t) for n, t in times.items()}
    way, changed = dict(mean), True
    while changed:
        changed = False
        for source, target, nbytes, *output in edges:
            nbytes = 0 if output == [None] else nbytes
            move = sum(latency[a + b] + nbytes / bandwidth for a in devices for b in devices if a != b) / len(devices) ** 2
            if mean[source] + move + way[target] > way[source] + 1e-9:
                way[source], changed = mean[source] + move + way[target], True
    return way


def _agrees(run, case, what):
    got, calls = run(ways, *case)
    wanted = longest(*case)
    equal(sorted(n for n, _ in got), sorted(wanted), f"{what}: the nodes")
    found = dict((n, w) for n, w in got)
    close([found[n] for n in sorted(wanted)], [wanted[n] for n in sorted(wanted)], f"{what}: the ways, by the order of names")


@task.check(1, "the mean time of a node and the longest of what follows",
            hint="""Leave transfers out first: in your thoughts set them to 0. A node that nobody follows has its own mean time. One that
                    two follow has its own and the longer of the two.""")
def times_alone(run, random):
    for size in (1, 4, 12):
        times, edges, latency, _, devices = drawn(random, size)
        _agrees(run, (times, [[s, t, 0] for s, t, *_ in edges], dict.fromkeys(latency, 0), 1, devices),
                f"{size} nodes, transfers for nothing")


@task.check(1, "the mean transfer of each edge, over all pairs of devices",
            hint="""Three devices make nine pairs, of which three take 0. The bytes of a control edge are 0, its latency is not. Between two
                    nodes there may be a small tensor and a large one: the way leads over the dearer.""")
def transfers(run, random):
    for size, devices in ((6, ("a", "b")), (14, ("a", "b", "c")), (14, ("a", "b", "c", "d"))):
        for _ in range(4):
            _agrees(run, drawn(random, size, devices), f"{size} nodes, {len(devices)} devices")


@task.check(1, "long chains, circles, and the package's placer",
            hint="""A recursion ends at a thousand nodes. Each mean transfer is worked out once, and kept under its number of bytes. Nodes
                    on a circle never become ready: count how many did.""")
def at_work(run, random):
    length = 20000 + int(random.integers(100))
    way, seconds, calls = run(chain, length)
    close(way, 2.0 * length + 0.5 * (length - 1), "the way from the first node of a chain")
    expect(calls <= 10, f"transfer was called {calls:,} times for two devices and five numbers of bytes")
    expect(seconds < 1.5, f"a chain of {length:,} nodes took {seconds:.1f} s")
    kinds, _ = run.error(ways, {"x": {"a": 1}, "y": {"a": 1}, "z": {"a": 1}}, [["x", "y", 1], ["y", "z", 1], ["z", "y", 1]], {}, 1, ["a"])
    expect("ValueError" in kinds, f"a circle should be a ValueError, not a {kinds[0]}")
    slow = int(random.integers(3, 9))
    equal(run(placed, slow), [6.0 * slow + 1, 3.0 * slow + 1],
          "the makespans of tf.placement.place, in the order of becoming ready and by your ways")
