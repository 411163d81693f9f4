"""What a traced step cost, as a graph.  The fields are those of TensorFlow's cost_graph.proto, as far as they mean something here."""
from dataclasses import dataclass, field


@dataclass
class InputInfo:
    """An input: the id of the node that made it, and which of its outputs it is."""
    preceding_node: int
    preceding_port: int


@dataclass
class OutputInfo:
    """An output: its bytes, the number of the input whose memory it is (-1: it has its own), its shape (a tuple) and dtype."""
    size: int
    alias_input_port: int
    shape: tuple
    dtype: object


@dataclass
class CostNode:
    """An instruction of the step: compute_cost in microseconds, rounded up; is_final where the caller fetches a result."""
    name: str
    device: str
    id: int
    input_info: list = field(default_factory=list)
    output_info: list = field(default_factory=list)
    compute_cost: int = 0
    is_final: bool = False
    control_input: list = field(default_factory=list)


@dataclass
class CostGraph:
    """node: [CostNode], ids counting from 0.  str() is a table, dearest first."""
    node: list = field(default_factory=list)

    def __str__(self):
        rows = sorted(self.node, key=lambda n: -n.compute_cost)
        return "\n".join(f"{n.compute_cost:>8,} us  {sum(o.size for o in n.output_info):>12,} bytes  {n.name} on {n.device}" for n in rows)
