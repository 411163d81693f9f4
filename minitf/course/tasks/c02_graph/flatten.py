from ...task import Task, equal, expect

task = Task(
    "Nested fetches", function="flatten", replaces="minitf.session.fetches.flatten",
    hints=["""Two passes over one structure: the first makes the flat list, the second puts values back. Let the first one leave behind
              what the second needs, so that rebuild does not ask again what a fetch stands for.""",
           """A recursive helper can return a function from the list of values to what comes back in the place of its part. For a single
              fetch that is "take value k"; for a list, "call the functions of the parts, and make a list".""",
           """Keep a dict from tensor or operation to its number, and give out the next number only for what is new; its keys, in order,
              are flat. Named tuples are tuples: ask for _fields first. A named tuple takes its values one by one, another tuple as one
              list."""],
    why="""In the first releases of TensorFlow sess.run took a flat list only, and users kept count of positions. The same pair of
           functions, under the names tree_flatten and tree_unflatten, is what JAX's transformations are built on: whatever the user's
           structure, the machine sees a flat list.""")


def round_trip(mine, spec, count, later):
    """The names of flat, and what rebuild makes of the values 100, 101, ..., twice, all as plain data.

    later: whether the lists and dicts are emptied before rebuild is called.
    """
    import collections
    Pair = collections.namedtuple("Pair", "first second")

    class Several:                                             # as a sparse gradient is: tensors, some of which may be missing
        def __init__(self, parts):
            self.parts = parts

        def _fetch_parts(self):
            return list(self.parts), lambda *values: Several(list(values))

    class Stack(list):
        pass

    class Counts(collections.defaultdict):
        pass

    class Table(collections.abc.Mapping):                      # a Mapping that is no dict
        def __init__(self, items):
            self.items_ = dict(items)

        def __getitem__(self, key):
            return self.items_[key]

        def __iter__(self):
            return iter(self.items_)

        def __len__(self):
            return len(self.items_)

    with tf.Graph().as_default() as graph:
        tensors = [tf.constant(float(k), name=f"t{k}") for k in range(count)]
    changing = []

    def build(spec):
        kind, inner = spec
        if kind in ("tensor", "name", "op", "opname"):
            return {"tensor": tensors[inner], "name": f"t{inner}:0", "op": tensors[inner].op, "opname": f"t{inner}"}[kind]
        if kind in ("dict", "ordered", "default", "counts", "table"):
            make = {"dict": dict, "ordered": collections.OrderedDict, "table": Table, "counts": lambda items: Counts(int, items),
                    "default": lambda items: collections.defaultdict(int, items)}[kind]
            made = make([(k, build(s)) for k, s in inner])
        else:
            parts = [None if s is None else build(s) for s in inner]
            made = {"list": list, "tuple": tuple, "stack": Stack, "pair": lambda p: Pair(*p), "several": Several}[kind](parts)
        changing.append(made)
        return made

    def plain(got):
        if isinstance(got, collections.abc.Mapping):
            kind = {dict: "dict", collections.OrderedDict: "ordered", collections.defaultdict: "default", Counts: "counts", Table: "table"}
            kind = kind.get(type(got), f"a {type(got).__name__}")
            if kind in ("default", "counts") and got.default_factory is not int:
                kind = "one without its default_factory"
            return [kind, [[k, plain(v)] for k, v in got.items()]]
        if type(got) is Several:
            return ["several", [None if v is None else plain(v) for v in got.parts]]
        kind = {list: "list", tuple: "tuple", Stack: "stack", Pair: "pair"}.get(type(got))
        return [kind, [plain(v) for v in got]] if kind else got if isinstance(got, (int, float)) else f"a {type(got).__name__}"
    flat, rebuild = mine.flatten(build(spec), graph)
    for made in changing if later else ():
        if hasattr(made, "clear"):
            made.clear()
    results = [plain(rebuild([100 * n + k for k in range(len(flat))])) for n in (1, 2)]
    return [f.name for f in flat], results


def session_run(mine, value):
    with tf.Graph().as_default():
        x = tf.constant(float(value))
        y = x * 2.0
        with tf.Session() as sess:
            got = sess.run({"list": [x, "mul:0"], "tuple": (y, y), "empty": (), "op": y.op})
            several = [[None if n is None else float(n) for n in v] if isinstance(v, (list, tuple)) else v for v in got.values()]
            return [[name, type(v).__name__, numbers] for (name, v), numbers in zip(got.items(), several)]


def wrong(mine, which):
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0)
        mine.flatten({"number": [x, (3.5,)], "none": [x, None], "unknown": [(x, {"a": "nobody:0"})], "top": None}[which], graph)


def _tree(random, leaves, kinds, depth=3):
    """A random structure whose leaves are taken from the list, in order."""
    if depth == 0 or not leaves or depth < 3 and random.random() < 0.3:
        return leaves.pop(0) if leaves else ["list", []]
    kind = kinds[random.integers(len(kinds))]
    inner = [_tree(random, leaves, kinds, depth - 1) for _ in range(2 if kind == "pair" else random.integers(1, 4))]
    if kind == "several":
        inner.insert(int(random.integers(len(inner) + 1)), None)
    return [kind, [[f"k{9 - i}", s] for i, s in enumerate(inner)] if kind in MAPPINGS else inner]


MAPPINGS = "dict", "ordered", "default", "counts", "table"
LEAVES = "tensor", "name", "op", "opname"
WORDS = {"ordered": "an OrderedDict", "default": "a defaultdict", "counts": "a class derived from defaultdict",
         "table": "a Mapping that is no dict", "stack": "a class derived from list", "pair": "a named tuple",
         "several": "an object of parts"}


def _leaves(spec):
    if spec is None:
        return []
    kind, inner = spec
    if kind in LEAVES:
        return [(kind.startswith("op"), inner)]
    return [leaf for s in inner for leaf in _leaves(s[1] if kind in MAPPINGS else s)]


def _filled(spec, number, base):
    if spec is None:
        return None
    kind, inner = spec
    if kind in LEAVES:
        return base + number[kind.startswith("op"), inner]
    if kind in MAPPINGS:
        return [kind, [[k, _filled(s, number, base)] for k, s in inner]]
    return [kind, [_filled(s, number, base) for s in inner]]


def _same(got, wanted, where=""):
    """PropertyBroken at the first place where two structures, as round_trip tells them, differ."""
    place = f"at {where}" if where else "at the top"
    if not isinstance(wanted, list):
        what = "None, for a part that is missing" if wanted is None else "the value of a single fetch"
        told = "the value of another fetch" if isinstance(got, (int, float)) else _word(got)
        expect(got == wanted, f"{place}: {told} came back for {what}")
        return
    kind, inner = wanted
    expect(isinstance(got, list) and got[0] == kind, f"{place}: {_word(got)} came back for {_word(wanted)}")
    if kind in MAPPINGS:
        keys = [k for k, _ in got[1]] == [k for k, _ in inner]
        expect(keys, f"{place}: {_word(wanted)} came back with other keys, or with its keys in another order")
        for (key, g), (_, w) in zip(got[1], inner):
            _same(g, w, f"{where}[{key!r}]")
    else:
        expect(len(got[1]) == len(inner), f"{place}: {_word(wanted)} of {len(inner)} came back with {len(got[1])}")
        for k, (g, w) in enumerate(zip(got[1], inner)):
            _same(g, w, f"{where}[{k}]")


def _word(plain):
    """What round_trip tells, in a word or two: ["pair", [...]] is "a named tuple"."""
    if isinstance(plain, list):
        return plain[0] if plain[0].startswith(("a ", "one ")) else WORDS.get(plain[0], f"a {plain[0]}")
    return "a single value" if isinstance(plain, (int, float)) else str(plain)


def _agrees(run, spec, count, later=False):
    flat = list(dict.fromkeys(_leaves(spec)))
    number = {leaf: k for k, leaf in enumerate(flat)}
    names, (first, second) = run(round_trip, spec, count, later)
    expect(len(names) == len(flat), f"flat has {len(names)} elements for {len(flat)} different fetches")
    wanted = [f"t{k}" if is_op else f"t{k}:0" for is_op, k in flat]
    equal(names, wanted, "the tensors and operations in flat, in the order in which they are met")
    _same(first, _filled(spec, number, 100))
    expect(second == _filled(spec, number, 200), "rebuild, called a second time with other values, gives something else")


@task.check(1, "lists, tuples and dicts in each other come back in the same form",
            hint="""Try flatten on one tensor alone, on [x], on [[x], y], and on {"b": x, "a": y}: what are flat and rebuild([1, 2]) for
                    each?""")
def nested(run, random):
    _agrees(run, ["tensor", 0], 1)
    for _ in range(15):
        _agrees(run, _tree(random, [["tensor", int(k)] for k in random.permutation(12)], ["list", "tuple", "dict"]), 12)


@task.check(1, "what is fetched twice is in flat once, under whatever name",
            hint="""Compare what element gives, not what the user wrote. The second time, the place of the first one has to be found
                    again.""")
def once(run, random):
    for _ in range(15):
        leaves = [[str(random.choice(LEAVES)), int(random.integers(4))] for _ in range(12)]
        _agrees(run, _tree(random, leaves, ["list", "tuple", "dict"]), 4)


@task.check(1, "named tuples, other kinds of dicts and lists, and objects of parts",
            hint="""How is a value of each type made: from one list, from one dict, from several arguments? And how is it told from the
                    others: by its own class, by a class that it is derived from, by something that it has?""")
def kinds(run, random):
    for _ in range(20):
        leaves = [["tensor", int(k)] for k in random.permutation(12)]
        _agrees(run, _tree(random, leaves, ["pair", "ordered", "default", "counts", "table", "several", "stack"]), 12)


@task.check(0.5, "what rebuild gives does not change when the user's lists and dicts do",
            hint="""Does rebuild look at the user's structure once more? Then it finds what has become of it since. What can flatten take
                    along for it?""")
def later(run, random):
    for _ in range(10):
        leaves = [["tensor", int(k)] for k in random.permutation(12)]
        _agrees(run, _tree(random, leaves, ["list", "dict", "ordered", "default", "stack"]), 12, later=True)


@task.check(0.5, "the session runs with it, and a wrong fetch deep inside is an error",
            hint="""Call element for every single fetch, also for what you do not know: it raises the error. Where may None stand, and where
                    not?""")
def session(run, random):
    value = float(random.integers(1, 100))
    twice = 2 * value
    wanted = {"list": ["list", [value, twice]], "tuple": ["tuple", [twice, twice]], "empty": ["tuple", []], "op": ["NoneType", None]}
    asked = {"list": '[x, "mul:0"]', "tuple": "(y, y)", "empty": "()", "op": "y.op"}
    got = {name: [kind, values] for name, kind, values in run(session_run, value)}
    expect(list(got) == list(wanted), "sess.run of a dict gives other keys, or in another order")
    for name, (kind, values) in wanted.items():
        equal(got[name][0], kind, f"sess.run with {asked[name]} in a dict, the type of what comes back for it")
        equal(got[name][1], values, f"sess.run with {asked[name]} in a dict, the values that come back for it")
    for which, error in ("number", "TypeError"), ("none", "TypeError"), ("unknown", "ValueError"), ("top", "TypeError"):
        kinds, _ = run.error(wrong, which)
        expect(error in kinds, f"a fetch that is none should be a {error}, not a {kinds[0]}")
