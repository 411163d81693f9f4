"""An independent look at a plan's memory: what is alive when, where it lies, and whose bytes an instruction finds there; and at its time."""
import math

LINE = 64


def room(nbytes):
    """Whole cache lines, at least one."""
    return max(-(-nbytes // LINE), 1) * LINE


def arena_root(plan, number):
    """The buffer of the arena in which buffer `number` lies, or None where it lies elsewhere."""
    root = plan.buffers[plan.buffers[number].root]
    return root if root.kind == "arena" else None


def lives(plan):
    """{buffer of the arena: (first, last)}: the instructions from the first that touches it to the last; the end for what leaves the plan."""
    found = {}
    for k, instruction in enumerate(plan.instructions):
        for number in [*instruction.inputs, *instruction.outputs]:
            root = arena_root(plan, number)
            if root is not None:
                found[root] = found.get(root, (k, k))[0], k
    for number in [b for _, b in plan.fetches] + list(plan.exports.values()):
        root = arena_root(plan, number)
        if root is not None:
            found[root] = found[root][0], len(plan.instructions)
    return found


def live_maximum(plan):
    """The most bytes that are alive at one instruction."""
    alive = lives(plan).items()
    steps = range(len(plan.instructions) + 1)
    return max((sum(room(b.nbytes) for b, (first, last) in alive if first <= k <= last) for k in steps), default=0)


def check_no_overlap(plan):
    """No two buffers that are alive at one instruction share a byte, and all lie inside the arena."""
    alive = sorted(lives(plan).items(), key=lambda item: item[0].offset)
    for n, (a, (first, last)) in enumerate(alive):
        assert a.offset % LINE == 0 and 0 <= a.offset and a.offset + a.nbytes <= plan.arena_bytes, (a.name, a.offset)
        for b, (other_first, other_last) in alive[n + 1:]:
            if b.offset >= a.offset + room(a.nbytes):
                break
            assert other_first > last or first > other_last, f"{a.name} {first}..{last} at {a.offset} and {b.name} {other_first}..{other_last} at {b.offset}"


def check_data_flow(plan):
    """Run the plan on paper: every instruction must find in its inputs' bytes what was computed for them, and nothing written over it."""
    number_of = {(b.node, b.name): b.number for b in plan.buffers if b.node is not None}
    written_by, owner = {}, {}                                  # buffer number -> whether it was written; byte of the arena // LINE -> number

    def source(number):
        """The buffer whose bytes a view shows."""
        while number not in written_by:
            node = plan.buffers[number].node
            inner, index = node.inputs[0]
            number = number_of[inner, inner.name if index == 0 else f"{inner.name}:{index}"]
        return number

    def lines(number):
        root = arena_root(plan, number)
        return range(root.offset // LINE, (root.offset + room(plan.buffers[number].nbytes)) // LINE)

    def expect(number, where):
        if arena_root(plan, number) is None:
            return
        wanted = source(number)
        for line in lines(number):
            assert owner.get(line) == wanted, f"{where} finds {plan.buffers[owner[line]].name if line in owner else 'nothing'} in place of {plan.buffers[wanted].name}"

    for k, instruction in enumerate(plan.instructions):
        where = f"instruction {k} ({instruction.kind} {instruction.node.name})"
        for number in instruction.inputs:
            expect(number, where)
        outputs = [b for b in instruction.outputs if arena_root(plan, b) is not None]
        for n, number in enumerate(outputs):
            for other in outputs[n + 1:]:
                assert not set(lines(number)) & set(lines(other)), f"{where}: two results in one place"
            for b in instruction.inputs:
                if arena_root(plan, b) is not None and set(lines(b)) & set(lines(number)):
                    assert plan.buffers[b].nbytes == plan.buffers[number].nbytes and arena_root(plan, b) is arena_root(plan, number), where
        for number in outputs:
            written_by[number] = k
            for line in lines(number):
                owner[line] = number
    for number in [b for _, b in plan.fetches] + list(plan.exports.values()):
        expect(number, "the caller")


def check(plan, slack=1.1):
    """All of it; slack: how much larger than the live maximum the arena may be."""
    check_no_overlap(plan)
    check_data_flow(plan)
    most = live_maximum(plan)
    assert plan.arena_bytes <= slack * most, (plan.arena_bytes, most)
    return most


def makespan(plans, transfer):
    """When the last device has done its plan, if every op takes 1 and every transfer so long; inf if they wait for one another."""
    clock, pc, sent = [0.0] * len(plans), [0] * len(plans), {}
    moved = True
    while moved:
        moved = False
        for d, plan in enumerate(plans):
            while pc[d] < len(plan.instructions):
                instruction = plan.instructions[pc[d]]
                key = instruction.node.attrs.get("key") if instruction.kind in ("Send", "Recv") else None
                if instruction.kind == "Recv":
                    if key not in sent:
                        break
                    clock[d] = max(clock[d], sent[key])
                elif instruction.kind == "Send":
                    sent[key] = clock[d] + transfer
                elif instruction.kind == "Compute":
                    clock[d] += 1
                pc[d] += 1
                moved = True
    return max(clock) if all(n == len(plan.instructions) for n, plan in zip(pc, plans)) else math.inf
