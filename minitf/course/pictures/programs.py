"""A picture of what several devices run: the instructions of chapter 08 as boxes, coloured by device."""


class _Box:
    """What pictures.draw asks of an operation.  Values are the boxes themselves, so that a box is its own output too."""

    def __init__(self, graph, kind, name, device, inputs=(), controls=(), shape=(), outputs=True):
        self.graph, self.type, self.name, self.device = graph, kind, name, device
        self.inputs, self.controls = list(inputs), list(controls)
        self.op, self.shape, self.attrs, self.outputs = self, shape, {}, [self] if outputs else []


class _Boxes:
    def __init__(self):
        self.operations, self._names = [], {}

    def add(self, kind, name, *arguments, **options):
        count = self._names[name] = self._names.get(name, -1) + 1
        self.operations.append(_Box(self, kind, f"{name}_{count}" if count else name, *arguments, **options))
        return self.operations[-1]


def boxes_of(program):
    """The graph to draw.  A fed tensor is a box of its own on each device that uses it; a Send has no output, and its Recv waits for it.

    program   instructions with device, kind ("Compute", "Send", "Recv"), what (an operation, or a tensor with op) and peer
    """
    graph, made = _Boxes(), {}                              # (operation or tensor, device) -> the box that runs it or has it there

    def here(tensor, device):
        key = tensor, device
        if key not in made:
            made[key] = graph.add("Placeholder", tensor.op.name, device, shape=tensor.shape)
        return made[key]
    for i in program:
        news = not hasattr(i.what, "op")                    # what is sent is that an operation ran, and no value
        if i.kind == "Compute":
            inputs, controls = [here(t, i.device) for t in i.what.inputs], [made[c, i.device] for c in i.what.controls]
            box = graph.add(i.what.type, i.what.name, i.device, inputs, controls, i.what.output.shape)
            made[i.what, i.device] = made[i.what.output, i.device] = box
        elif i.kind == "Send":
            inputs, controls = ([], [made[i.what, i.device]]) if news else ([here(i.what, i.device)], [])
            made[i.what, i.device, i.peer] = graph.add("Send", "send", i.device, inputs, controls, outputs=False)
        else:
            sent = [made[key] for key in [(i.what, i.peer, i.device)] if key in made]
            made[i.what, i.device] = graph.add("Recv", "recv", i.device, [], sent, () if news else i.what.shape)
    return graph
