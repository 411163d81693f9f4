"""From a traced step to its CostGraph."""
from ..core.cost_graph import CostGraph, CostNode, InputInfo, OutputInfo


def cost_graph(step, step_stats):
    """The CostGraph of a step that ran with its trace on, before the step is used again: its instructions, but not views and releases.

    step_stats: of the step (trace.py).  Waiting is no cost.
    """
    stats = {(d.device, n.node_name): n for d in step_stats.dev_stats for n in d.node_stats}
    nodes, sends, recvs, ids = [], {}, [], {}
    for activation in step.activations:
        holder, before = {}, None                       # memory (the root of a buffer) -> (id of who wrote it last, which output)
        while activation is not None:
            plan = activation.plan
            if before is not None:                      # a part behind a cut: its imports are exports of the part before
                places = {place: before.buffers[before.exports[pair]].root for pair, place in plan.imports.items()}
                holder = {place: holder[root] for place, root in places.items() if root in holder}
            for instruction in plan.instructions:
                traced = stats.get((plan.device, instruction.node.name))
                if traced is None or instruction.kind not in ("Compute", "Read", "Send", "Recv"):
                    continue
                node = CostNode(traced.node_name, plan.device, len(nodes), compute_cost=-(-traced.work_nanos // 1000))
                nodes.append(node)
                ids[instruction.node] = node.id
                inputs = [plan.buffers[b].root for b in instruction.inputs]
                node.input_info = [InputInfo(*holder[root]) for root in inputs if root in holder]
                node.control_input = [ids[n] for n in instruction.node.controls if n in ids]
                for port, (b, output) in enumerate(zip(instruction.outputs, traced.output)):
                    what, root = output.tensor_description, plan.buffers[b].root
                    node.output_info.append(OutputInfo(what.requested_bytes, inputs.index(root) if root in inputs else -1, what.shape, what.dtype))
                    holder[root] = node.id, port
                if instruction.kind == "Send":
                    sends[instruction.node.attrs["slot"]] = node.id
                elif instruction.kind == "Recv":
                    recvs.append((instruction.node.attrs["slot"], node))
            for _, place in plan.fetches:
                if plan.buffers[place].root in holder:
                    nodes[holder[plan.buffers[place].root][0]].is_final = True
            activation, before = activation.following, plan
    for slot, node in recvs:
        node.input_info = [InputInfo(sends[slot], 0)]
    return CostGraph(nodes)
