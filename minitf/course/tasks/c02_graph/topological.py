import re

from ...task import Task, equal, expect

task = Task(
    "An order for nodes in no order", function="topological", replaces="minitf.graph.program.topological",
    hints=["""Begin with the recursion, on paper: before a node is put out, put out all that it waits for. Then keep the open calls in a
              structure of your own: the path from where you began to where you are.""",
           """For every node on the path remember which of its befores are still to be visited; an iterator does. If one is left that is
              not done, it joins the path. If none is left, the node is done: put it out and take it off.""",
           """A node that you are about to put on the path and that is on it already closes a circle. The circle is the path from that
              node on; what comes earlier on the path only leads to it."""],
    why="""Depth-first search with an explicit stack is the workhorse of graph programs: pruning, scheduling, gradients and the printing
           of a circle are all this loop. White, grey and black is how textbooks call not seen, on the path, and done (Tarjan 1976). The
           package's own version trusts that there are no circles; yours also protects who builds a program by hand.""")


def sort(mine, nodes, before):
    waits, asked = dict(before), {}

    def of(node):
        asked[node] = asked.get(node, 0) + 1
        return list(waits[node])
    order = mine.topological(list(nodes), of)
    return order, max(asked.values(), default=0)


def sort_wide(mine, length, diamonds):
    chain = {k: [k - 1] if k else [] for k in range(length)}
    stacked = {k: [k - 1, k - 1] if k else [] for k in range(diamonds)}
    return mine.topological([length - 1], chain.get), mine.topological([diamonds - 1], stacked.get)


@task.check(1, "each node once, behind all that it waits for",
            hint="""When is a node put out: when you come to it, or when all that it waits for has been put out? And one that two others
                    wait for is met twice. Ask before() once for each.""")
def order(run, random):
    for size in (1, 2, 6, 12, 40, 40):
        names = [f"n{k:03}" for k in random.permutation(size)]
        before = {n: [names[int(j)] for j in random.integers(k, size=int(random.integers(4)))] if k else [] for k, n in enumerate(names)}
        asked = [str(n) for n in random.permutation(names)][:max(1, size - 2)]
        got, times = run(sort, asked, list(before.items()))
        wanted, stack = set(), list(asked)
        while stack:
            node = stack.pop()
            if node not in wanted:
                wanted.add(node)
                stack += before[node]
        expect(isinstance(got, list) and len(got) == len(set(got)), "a node comes more than once")
        expect(set(got) == wanted, "nodes are missing, or some came that nobody asked for or waited for")
        place = {n: k for k, n in enumerate(got)}
        expect(all(place[b] < place[n] for n in got for b in before[n]), "a node comes before one that it waits for")
        expect(times <= 1, f"before() was called {times} times for one node")
        equal(run(sort, names, list(before.items()))[0], names, "an order that was right already")


@task.check(1, "a chain of 50,000 and 100 diamonds on top of each other",
            hint="""The chain: no function may call itself once a node (section 4). The diamonds: a node that is done must not be gone
                    through again, for each level would double the work.""")
def deep(run, random):
    length, diamonds = 50000 + int(random.integers(100)), 100 + int(random.integers(20))
    chain, stacked = run(sort_wide, length, diamonds)
    expect(chain == list(range(length)), "the order of a long chain")
    expect(stacked == list(range(diamonds)), "the order of stacked diamonds")


@task.check(1, "a circle is an error that names the nodes on it, and no others",
            hint="""There are three kinds of nodes: not met, done, and met but not done. Which kind closes a circle? And which nodes on your
                    way down to it are not on it?""")
def circle(run, random):
    for size in (1, 2, 3, 7):
        names = [str(n) for n in random.permutation([f"n{k:03}" for k in range(20)])]
        ring, lead, rest = names[:size], names[size:size + 4], names[size + 4:]
        before = {n: [] for n in rest}
        before.update({n: [ring[(k + 1) % size], *rest[:2]] for k, n in enumerate(ring)})
        before.update({n: [rest[2], lead[k + 1] if k + 1 < len(lead) else ring[0]] for k, n in enumerate(lead)})
        kinds, text = run.error(sort, lead[:1], list(before.items()))
        expect("ValueError" in kinds, f"a circle should be a ValueError, not a {kinds[0] if kinds else 'nothing'}")
        named = set(re.findall(r"n\d{3}", text))
        expect(named >= set(ring), f"the error leaves out {len(set(ring) - named)} of the {size} nodes on the circle")
        expect(named <= set(ring), "the error names nodes that are not on the circle")
