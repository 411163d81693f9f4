"""The pipeline: from an executable and the shapes of its feeds to plans, stage by stage.

    prune -> specialise -> place -> partition -> optimise, schedule, fuse -> plan memory

Shapes come before placement, because a cost model needs sizes; what a plan can not know yet is specialised in the run (compile.py).
"""
from ..core.config import OptimizerOptions
from ..core.errors import InvalidArgumentError, OpError
from ..core.registry import is_resource, resource_maker
from ..core.devices import asks_for_gpu
from ..core.resources import RandomState, VariableState, random_key
from ..graph.program import topological
from ..placement.partition import partition
from ..placement.placer import holds_state, homes, place
from . import bodies, control_flow                      # If, While: how they are compiled, and their kernels
from .compile import Options, compile_part
from .executable import Variant
from .feeds import array_of
from .prune import prune
from .rendezvous import Recv, Send
from .storages import Take
from .transfers import CopyIn, CopyOut, GpuRecv, GpuSend, Synchronize
from .report import located
from .specialise import assign_levels, hand_on_controls, specialise


class Context:
    """What executables and activations ask of the session: prepared programs, kernels, resources, threads."""

    def __init__(self, runtime, lock, watch=None):
        self.runtime, self.lock, self.watch = runtime, lock, watch
        level = self.runtime.config.graph_options.optimizer_options.opt_level
        optimise = level != OptimizerOptions.L0
        self.options = Options(fold=optimise, merge=optimise, fuse=optimise)

    def prepare(self, executable, shapes):
        """The Variant of an executable for feeds of these shapes: the pipeline of stages."""
        with self.lock:
            for variant in executable.variants:           # another thread was faster
                if variant.shapes == shapes:
                    return variant
            try:
                variant = self._compile(executable, shapes)
            except OpError as error:
                raise located(error)
            executable.variants.append(variant)
            return variant

    def _compile(self, executable, shapes):
        program, _ = self.placed_program(executable, shapes)
        if self.runtime.config.log_device_placement:
            for node in program.nodes:
                print(f"{node.name}: ({node.type}): {node.device}")
        parts, transfers = partition(program)
        _assign_levels_of_all(parts)
        keys = [None] * transfers
        for part in parts:
            for node in part.nodes:
                if node.type == "_Send":
                    keys[node.attrs["slot"]] = node.attrs["key"]
        plans = [compile_part(part.device, part.nodes, part.fetches, part.targets, self.options) for part in parts]
        return Variant(shapes, plans, keys, parts)

    def program(self, executable, shapes):
        """The Program of an executable for feeds of these shapes, before anything is placed."""
        program = prune(executable.fetches, executable.feeds, executable.done)
        for number, (node, tensor, shape) in enumerate(zip(program.feeds, executable.feeds, shapes)):
            if not tensor.shape.is_compatible_with(shape):
                raise ValueError(f"Cannot feed value of shape {shape!r} for Tensor {tensor.name!r}, which has shape '{tensor.shape}'")
            node.attrs, node.shapes = {"feed": number}, [shape]
        specialise(program.nodes, self.options.fold)
        program.targets = hand_on_controls(program.nodes, [n for n, _ in program.fetches], program.targets)
        return program

    def placed_program(self, executable, shapes):
        """(the same with a device for each node, the Placement); what holds state is placed when it is first met, and by the whole graph."""
        program, runtime, config = self.program(executable, shapes), self.runtime, self.runtime.config
        if any(asks_for_gpu(n.device) for n in program.nodes):
            runtime.find_gpus()
        new = [n for n in program.nodes if holds_state(n) and n.name not in runtime.placed]
        if new and len(runtime.devices) > 1:
            whole = homes(whole_program(new[0].op.graph).nodes, runtime.devices, config.allow_soft_placement, runtime.placed, config.cost_model)
            runtime.placed.update((n.name, whole[n.name]) for n in new if n.name in whole)
        placement = place(program.nodes, runtime.devices, config.allow_soft_placement, runtime.placed, config.cost_model)
        for node in new:
            runtime.placed[node.name] = node.device
        return program, placement

    def array_of(self, tensor, value):
        return array_of(tensor, value)

    def resource(self, node):
        """The state behind a variable's or a queue's node: by container and shared name, made when first asked for."""
        name = node.attrs.get("shared_name") or node.name
        container, make = node.attrs.get("container", ""), resource_maker(node.type)
        found = self.runtime.resources.get(container, name, lambda: make(name, node.attrs))
        found.check_same(node.type, node.attrs, node.op)
        if isinstance(found, VariableState):
            device = self.gpu(node.device)
            home = self.runtime.memories.setdefault((container, name), device)
            if home is not device:
                raise InvalidArgumentError(None, node.op, f"'{node.name}' on {node.device} shares the value of variable '{found.name}', which lies in the memory of "
                                           f"{home.name if home is not None else 'the host'}: what shares a variable must be where it is")
            found.memory = device
        return found

    def gpu(self, device):
        """The Device of a GPU's full name; None for a CPU's."""
        return self.runtime.gpus.get(device)

    def kernel(self, instruction, step):
        """A new kernel for an instruction."""
        node = instruction.node
        device = self.gpu(node.device) if self.runtime.gpus else None
        if device is not None and instruction.kind in ("CopyIn", "CopyOut", "Synchronize"):
            return {"CopyIn": CopyIn, "CopyOut": CopyOut, "Synchronize": Synchronize}[instruction.kind](device)
        if device is not None and instruction.kind == "Send":
            return GpuSend(step.rendezvous, node.attrs["slot"], device, self.gpu(node.attrs["key"].split(";")[1]))
        if device is not None and instruction.kind == "Recv":
            return GpuRecv(step.rendezvous, node.attrs["slot"], device)
        if instruction.kind == "Send":
            return Send(step.rendezvous, node.attrs["slot"])
        if instruction.kind == "Recv":
            return Recv(step.rendezvous, node.attrs["slot"])
        if instruction.kind == "Take":
            return Take(step.rendezvous.storages, node.device)
        attrs = node.attrs if device is None else {**node.attrs, "_device": device, "_node": node}
        if "seed2" in attrs:
            attrs = {**attrs, "_state": random_state(self.runtime.resources, node)}
        if instruction.kernel_def.binds:
            attrs = {**attrs, "_shapes": node.shapes}
        make_state = getattr(instruction.kernel_def.kernel, "make_state", None)
        if make_state is not None:
            attrs = {**attrs, "_state": self.runtime.resources.get("", f"{node.name}/state", make_state)}
        make_table = getattr(instruction.kernel_def.kernel, "make_table", None)
        if make_table is not None:                        # what follows from the attributes alone and is too large to be made for each plan
            attrs = {**attrs, "_table": self.runtime.resources.get("", f"{node.name}/table", lambda: make_table(node.attrs))}
        return instruction.kernel_def.kernel(attrs)

    def threads(self, devices):
        return self.runtime.threads(devices)

    def kernel_threads(self, devices):
        return self.runtime.kernel_threads(devices)

    def enter(self, step, on_threads=True):
        self.runtime.enter(step, on_threads)

    def leave(self, step):
        self.runtime.leave(step)


def whole_program(graph):
    """The Program of all operations of a graph, as if every placeholder were fed; shapes are as the graph has them."""
    operations = graph.get_operations()
    return prune([op for op in operations if op.type != "Placeholder"], [op.outputs[0] for op in operations if op.type == "Placeholder"])


def random_state(resources, node):
    """The stream of a random op and its place in it, which belong to the session."""
    return resources.get("", f"{node.name}/random", lambda: RandomState(node.name, random_key(node.attrs["seed"], node.attrs["seed2"])))


def _assign_levels_of_all(parts):
    """Levels over all devices at once, if anything is cut at all."""
    nodes = [n for part in parts for n in part.nodes]
    if any(n.is_cut or n.asked for n in nodes):
        assign_levels(topological(nodes, _before) if len(parts) > 1 else nodes)


def _before(node):
    """What a node waits for, on its own device and on the other end of a transfer."""
    sender = [node.attrs["send"]] if node.type == "_Recv" else []
    return [n for n, _ in node.inputs] + node.controls + sender
