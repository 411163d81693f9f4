from ...task import Task, equal, expect

task = Task(
    "Two wishes that must both be met", function="common_device", replaces="minitf.core.devices.common_device",
    hints=["""Go through the five fields, in their order. When do two fields contradict each other? A field of which one of the two says
              nothing contradicts nothing.""",
           """getattr(spec, "job") reads a field by its name, setattr(spec, "job", None) forgets it. The text of the error needs both names
              as they were given, so make it before you change anything.""",
           """With soft, forget the type in both specs, and the index as well; for ids forget only the index. Then nothing contradicts any
              more, and merge_from does the rest."""],
    why="""This is what union-find over constraints needs at each join: the wish of a group is the common wish of its members. TensorFlow's
           placer calls it MergeDevNames, and its two modes are these. The texts are TensorFlow's too, so that what you find about them
           elsewhere still helps.""")

FIELDS = ["job", "replica", "task", "type", "index"]


def together(mine, a, b, soft):
    return mine.common_device(a, b, soft) if soft is not None else mine.common_device(a, b)


def of_the_package(mine, one, other, soft):
    """What a session says of a variable with one wish and an update with another."""
    with tf.Graph().as_default():
        with tf.device(one):
            v = tf.Variable(1.0)
        with tf.device(other):
            double = tf.assign(v, v * 2.0)
        config = tf.ConfigProto(device_count={"CPU": 3}, allow_soft_placement=soft)
        with tf.Session(config=config) as sess:
            sess.run(tf.global_variables_initializer())
            return float(sess.run(double))


def drawn(random, keep=0.6):
    """A spec as {field: value}."""
    values = {"job": str(random.choice(["ps", "worker", "w2"])), "replica": int(random.integers(2)), "task": int(random.integers(3)),
              "type": str(random.choice(["CPU", "GPU"])), "index": int(random.integers(4))}
    return {f: v for f, v in values.items() if random.random() < keep}


def name(spec, random=None):
    """Its name: canonical, or with the parts in some order if random is given."""
    parts = [f"/{f}:{spec[f]}" for f in FIELDS[:3] if f in spec]
    if random is not None:
        parts = [str(p) for p in random.permutation(parts)]
    if "type" in spec or "index" in spec:
        parts.append(f"/device:{spec.get('type', '*')}:{spec.get('index', '*')}")
    return "".join(parts)


def answer(a, b, soft):
    """The canonical name, or the plural of the field in which they contradict."""
    differ = [f for f in FIELDS if f in a and f in b and a[f] != b[f]]
    hard = [f for f in differ if not soft or f in FIELDS[:3]]
    if hard:
        return dict(zip(FIELDS, ("jobs", "replicas", "tasks", "types", "ids")))[hard[0]], True
    drop = ["type", "index"] if "type" in differ else ["index"] if differ else []
    return name({f: v for f, v in {**a, **b}.items() if f not in drop}), False


def _agrees(run, random, a, b, soft):
    one, other = name(a, random), name(b, random)
    wanted, fails = answer(a, b, soft)
    if fails:
        kinds, text = run.error(together, one, other, soft)
        expect("ValueError" in kinds, f"{one!r} and {other!r} should be a ValueError, not a {kinds[0]}")
        expect(f"incompatible {wanted}:" in text,
               f"the error of {one!r} and {other!r} names another field than the first in which they differ")
        expect(text.endswith(f"'{name(a)}' and '{name(b)}'"),
               f"the error of {one!r} and {other!r} does not end with both, as they were, in canonical form")
    else:
        equal(run(together, one, other, soft), wanted, f"what {one!r} and {other!r} ask for together" + (", softly" if soft else ""))


@task.check(0.5, "fields of which only one says something, and equal ones",
            hint="""Merge "/job:worker" with "/task:1", then "" with "/gpu:0", then a name with itself. Nothing may be lost, and the order
                    of the parts is that of to_string().""")
def agree(run, random):
    for _ in range(20):
        whole = drawn(random, 0.9)
        a, b = ({f: v for f, v in whole.items() if random.random() < 0.6} for _ in range(2))
        _agrees(run, random, a, b, None if random.random() < 0.5 else bool(random.integers(2)))
    equal(run(together, None, "/cpu:1", False), "/device:CPU:1", "None and a name")


@task.check(0.5, "a contradiction is an error that names the field and both wishes",
            hint="""Fields are looked at in the order job, replica, task, type, index, and the first that differs is told. Are the names in
                    the text still as they were given?""")
def contradict(run, random):
    for _ in range(40):
        _agrees(run, random, drawn(random, 0.8), drawn(random, 0.8), False)


@task.check(0.5, "softly, types that differ are dropped with their indices",
            hint="""GPU 3 and CPU: is there still an index in your result? CPU 1 and CPU 2: is the type still there? And jobs that differ
                    are an error as before.""")
def soft(run, random):
    for _ in range(40):
        _agrees(run, random, drawn(random, 0.7), drawn(random, 0.7), True)
    for a, b in (({"type": "GPU", "index": 3}, {"type": "CPU"}), ({"type": "GPU"}, {"type": "CPU", "index": 3}),
                 ({"index": 1}, {"type": "CPU", "index": 2})):
        _agrees(run, random, a, b, True)


@task.check(0.5, "the package places a variable and its update by it",
            hint="""Here a session calls your function with what a variable and its assign ask for. Compare what you return, and when you
                    raise, with the docstring once more.""")
def in_a_session(run, random):
    k = int(random.integers(3))
    equal(run(of_the_package, f"/cpu:{k}", "/job:localhost", False), 2.0, "an update of a variable whose wishes agree")
    kinds, text = run.error(of_the_package, f"/cpu:{k}", f"/cpu:{(k + 1) % 3}", False)
    expect("InvalidArgumentError" in kinds and "incompatible ids" in text,
           "a variable and an update on different devices should be refused")
    equal(run(of_the_package, f"/cpu:{k}", f"/cpu:{(k + 1) % 3}", True), 2.0, "the same with soft placement")
