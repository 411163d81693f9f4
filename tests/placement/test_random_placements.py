"""Random programs, randomly placed over four devices that share any number of threads: the same bits, and no transfer too many."""
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitf as tf
from minitf.session import pipeline
from session.graphs import devices, mark, probe
from session.random_graphs import Built
from session.recipes import Recipe
from session.test_random_graphs import assert_same, quick, seeds
from hypothesis import settings

PARTITION = pipeline.partition


def pool(k):
    """Four devices that share k threads; 0: with a thread each."""
    return devices(4, inter_op_parallelism_threads=k)


# ---- the partition ----------------------------------------------------------------------------------------------------------


def is_known(node):
    return node.type == "_Feed" or node.values is not None


def checked_partition(program):
    """partition(program), after which: the parts without Send and Recv are the program, and what is cut crosses once for each destination."""
    before = {n: (n.device, list(n.inputs), list(n.controls)) for n in program.nodes}
    fetches, place = list(program.fetches), {n: k for k, n in enumerate(program.nodes)}
    feeds = list(program.feeds)
    parts, transfers = PARTITION(program)
    if len(parts) == 1:
        assert transfers == 0 and parts[0].nodes == program.nodes
        return parts, transfers
    kinds = {kind: [(part.device, n) for part in parts for n in part.nodes if n.type == kind] for kind in ("_Send", "_Recv")}
    senders = {n: device for device, n in kinds["_Send"]}

    def origin(pair):
        """What of the program a value of a part is."""
        node, index = pair
        if node.type == "_Recv":
            send = node.attrs["send"]
            assert senders[send] == before[send.inputs[0][0]][0]
            return send.inputs[0]
        return pair

    def same_value(pair, want):
        if not is_known(want[0]):
            return origin(pair) == want
        copy, (node, index) = pair[0], want
        return copy.name == node.name and (copy.attrs["feed"] == feeds.index(node) if node.type == "_Feed" else copy.values[pair[1]] is node.values[index])

    cut, left = set(), {n for n in before if not is_known(n)}
    for device, nodes in [(part.device, part.nodes) for part in parts]:
        own = [n for n in nodes if n in place and not is_known(n)]
        assert [place[n] for n in own] == sorted(place[n] for n in own)
        for node in own:
            home, inputs, controls = before[node]
            left.remove(node)
            assert home == device == node.device and len(node.inputs) == len(inputs)
            assert all(map(same_value, node.inputs, inputs)), node
            waits = [(n.attrs["send"].controls[0] if n.type == "_Recv" else n) for n in node.controls]
            assert waits == [n for n in controls if not is_known(n)]
            assert all(n in nodes for n, _ in node.inputs) and all(n in nodes for n in node.controls)
            cut |= {(*pair, device) for pair in inputs if not is_known(pair[0]) and pair[0].device != device}
            cut |= {(n, None, device) for n in controls if not is_known(n) and n.device != device}
    assert not left
    sends, recvs = kinds["_Send"], kinds["_Recv"]
    assert len(cut) == transfers == len(sends) == len(recvs)
    assert len({n.attrs["key"] for _, n in sends}) == len(sends)
    assert sorted((n.attrs["slot"], n.attrs["key"]) for _, n in sends) == sorted((n.attrs["slot"], n.attrs["key"]) for _, n in recvs)
    for device, recv in recvs:
        source, destination, edge = recv.attrs["key"].split(";")
        node, index = (*recv.attrs["send"].inputs, (None, None))[0] if recv.attrs["send"].inputs else (recv.attrs["send"].controls[0], "control")
        assert (source, destination, edge) == (node.device, device, f"edge_{node.name}_{index}") and source != destination
    found = {number: pair for part in parts for number, pair in part.fetches}
    assert all(same_value(found[k], pair) for k, pair in enumerate(fetches)) and len(found) == len(fetches)
    return parts, transfers


@settings(quick, max_examples=50)
@given(seeds, st.integers(1, 40), st.sampled_from([None, "plain", "colocated"]))
def test_four_placements_of_a_program_give_the_bits_of_one_device(seed, n_ops, gradients):
    """Gradients too; colocated ones are summed device by device, so for these it is the same graph on one device that counts."""
    recipe = Recipe(seed, n_ops)
    one = Built(recipe, gradients=gradients).run(devices(1))
    for k in range(4):
        placed = Built(recipe.on_other_devices(seed + k), cut=True, gradients=gradients)
        if gradients == "colocated":
            one = placed.run(devices(1, allow_soft_placement=True))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, "partition", checked_partition)
            assert_same(one, placed.run(pool((seed + k) % 5)), recipe, f"on one device and on four, placement {k}")


# ---- order ------------------------------------------------------------------------------------------------------------------


@settings(quick, max_examples=30)
@given(seeds, st.integers(5, 40))
def test_stateful_ops_run_in_the_order_of_their_control_edges(seed, n_ops):
    """A program's data edges, taken as control edges of ops that note when they run."""
    recipe, ran = Recipe(seed, n_ops), []
    with tf.Graph().as_default() as graph:
        marks = []
        for n, (_, operands, _, device) in enumerate(recipe.steps):
            with tf.device(f"/cpu:{device}"), tf.control_dependencies([marks[k] for k in operands]):
                marks.append(mark(lambda n=n: ran.append(n)))
    for k in range(5):
        with tf.Session(graph=graph, config=pool(k)) as sess:
            for _ in range(2):
                ran.clear()
                sess.run(marks)
                place = {n: when for when, n in enumerate(ran)}
                assert sorted(ran) == list(range(len(marks)))
                assert all(place[o] < place[n] for n, (_, operands, _, _) in enumerate(recipe.steps) for o in operands)


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 4, 9, -1])
def test_a_relay_between_all_devices_ends_with_any_number_of_threads(threads):
    """Every device waits for every other, many times over, and steps overlap."""
    rng, x = random.Random(1), tf.placeholder(tf.float32, [])
    values = [x]
    for lap in range(60):
        with tf.device(f"/cpu:{rng.randrange(4)}"):
            values.append(probe(values[-1] + 1.0, lambda v: None))
    total = tf.add_n(values)
    want = 61 * 5.0 + sum(range(61))
    with tf.Session(config=pool(threads)) as sess:
        call = sess.make_callable(total, [x])
        assert [float(call(5.0)) for _ in range(5)] == [want] * 5
        from session.graphs import Background
        assert [b.result() for b in [Background(lambda: float(call(5.0))) for _ in range(4)]] == [want] * 4
