"""The picture of a traced step as SVG text: the same bytes for the same step, without ids, scripts, style sheets or fonts of its own."""
import math

from .svg_text import number, tag, tip, titled, words
from .timeline_families import FAMILIES, family_of
from .timeline_text import bytes_text, count_text, headline, time_text

_PAPER, _LANE, _GRID, _INK, _QUIET, _WAIT, _CRITICAL, _ARROW, _MEMORY = \
    "#ffffff", "#f3f5f7", "#dfe3e7", "#222222", "#66707a", "#8a9097", "#c0183c", "#38404a", "#c9d6e4"
_FACES, _MONO = "Helvetica,Arial,'DejaVu Sans',sans-serif", "Menlo,Consolas,'DejaVu Sans Mono',monospace"
_LEFT, _RIGHT, _TOP, _BAR, _AREA, _AXIS, _ENTRY = 92, 16, 34, 26, 28, 26, 18
_SEEN = 1.0                   # pixels: narrower bars are drawn together
_NEAR = 0.5                   # pixels between two bars that are drawn together
_LETTER, _SIZE = 0.61, 9.5    # of a face in which all letters have one width: its part of the size; the size
_TITLES = 4                   # names that a tooltip lists


def svg(spans, width, memory, graph=None):
    """The SVG text of a timeline_spans.Spans."""
    return _Drawing(spans, width, memory, graph).text()


class _Drawing:
    def __init__(self, spans, width, memory, graph):
        self.spans, self.graph, self.width = spans, graph, max(float(width), _LEFT + _RIGHT + 100)
        self.scale = (self.width - _LEFT - _RIGHT) / (spans.length or 1)
        self.most = max((lane.peak[1] for lane in spans.lanes), default=0)
        self.area = _AREA if memory and self.most else 0
        between = 14 if self.area else 26                # room for arrows
        self.pitch = _BAR + (self.area + 4 if self.area else 0) + between
        self.bottom = _TOP + self.pitch * len(spans.lanes) - between
        self.family = {span: family_of(span.stats) for span in spans.spans()}

    def text(self):
        inside = [tag("text", words(headline(self.spans, "µs")), x=_LEFT, y=18, font_size="13", font_weight="bold", fill=_INK)]
        inside += self.grid()
        for k, lane in enumerate(self.spans.lanes):
            inside.append(tag("g", "\n" + "\n".join(self.lane(lane)) + "\n", transform=f"translate(0,{number(self.top(k))})"))
        inside += self.arrows()
        legend, rows = self.legend(self.bottom + _AXIS + 16)
        height = self.bottom + _AXIS + 10 + _ENTRY * rows
        inside = [tag("rect", width=self.width, height=height, fill=_PAPER)] + inside + legend
        return tag("svg", "\n" + "\n".join(inside) + "\n", xmlns="http://www.w3.org/2000/svg", width=self.width, height=height,
                   viewBox=f"0 0 {number(self.width)} {number(height)}", font_family=_FACES, style="max-width:100%;height:auto") + "\n"

    def x(self, nanos):
        return _LEFT + nanos * self.scale

    def top(self, lane_number):
        return _TOP + self.pitch * lane_number

    # ---- the axis -----------------------------------------------------------------------------------------------------------

    def grid(self):
        """Lines and labels at round times."""
        step = _round_step(self.spans.length / max((self.width - _LEFT - _RIGHT) / 90, 1))
        size, unit = next((s, u) for s, u in ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")) if self.spans.length >= 2 * s or s == 1)
        lines, labels = [], []
        for k in range(int(self.spans.length / step + 1e-9) + 1):
            x = self.x(k * step)
            lines.append(f"M{number(x)} {_TOP - 6}V{number(self.bottom + 5)}")
            labels.append(tag("text", f"{k * step / size:,.6g} {unit}" if k else "0", x=x, y=self.bottom + 18))
        return [tag("path", d="".join(lines), stroke=_GRID, fill="none"),
                tag("g", "".join(labels), font_size="11", fill=_QUIET, text_anchor="middle")]

    # ---- a lane -------------------------------------------------------------------------------------------------------------

    def lane(self, lane):
        whole = self.spans.length or 1
        told = f"{lane.device}\nbusy {lane.busy / whole:.0%}, waiting {lane.waiting / whole:.0%} of the step\n" \
               f"sent {bytes_text(lane.sent)}, received {bytes_text(lane.received)}\nat most {bytes_text(lane.peak[1])} alive"
        title = lane.title if len(lane.title) <= 14 else "…" + lane.title[-13:]
        result = [tag("rect", x=_LEFT, width=self.width - _LEFT - _RIGHT, height=_BAR, fill=_LANE),
                  tag("g", f"<title>{words(told)}</title>"
                      + tag("text", words(title), x=_LEFT - 8, y=11, font_size="12", font_weight="bold", fill=_INK)
                      + tag("text", f"{lane.busy / whole:.0%} busy", x=_LEFT - 8, y=23, font_size="10", fill=_QUIET), text_anchor="end")]
        if self.area:
            result += self.memory(lane)
        return result + self.waits(lane) + self.bars(lane) + self.critical(lane)

    def waits(self, lane):
        paths = []
        for span in lane.spans:
            if (span.ready - span.start) * self.scale >= _SEEN:
                stats = span.stats
                of = f" for {_value_of(stats)} of {stats.transfer.source}" if stats.transfer is not None else ""
                paths.append(titled(f"M{number(self.x(span.start))} {_BAR / 2:g}H{number(self.x(span.ready))}",
                                    f"waits {time_text(span.ready - span.start, 'µs')}{of}\n{stats.node_name} ({stats.op})"))
        return [tag("g", "\n".join(paths), stroke=_WAIT, stroke_width="1.6", stroke_dasharray="3 2.4", fill="none")] if paths else []

    def bars(self, lane):
        """The bars, by colour, then the names that fit into them."""
        wide, thin, names = {}, {}, []
        for group in self.groups(lane.spans):
            first, last = self.x(group[0].ready), self.x(group[-1].end)
            family = self.family[group[0]]
            if len(group) > 1:
                work = {}
                for span in group:
                    work[self.family[span]] = work.get(self.family[span], 0) + span.end - span.ready
                family = max(work, key=work.get)
            last = max(last, first + 0.6)
            path = f"M{number(first)} 0H{number(last)}V{_BAR}H{number(first)}z"
            bars = wide if last - first >= 4 else thin
            bars.setdefault(family, []).append(titled(path, self.told(group)))
            name = _fitting(group[0].stats, last - first - 6) if len(group) == 1 else ""
            if name:
                colour = _PAPER if family == "transfers" else None
                names.append(tag("text", words(name), x=(first + last) / 2, y=_BAR / 2 + 3.3, fill=colour))
        result = []
        for bars, edge in ((thin, None), (wide, _PAPER)):
            for family, paths in bars.items():
                result.append(tag("g", "\n".join(paths), fill=FAMILIES[family], stroke=edge, stroke_width=edge and "0.7"))
        if names:
            result.append(tag("g", "".join(names), font_family=_MONO, font_size=_SIZE, text_anchor="middle", fill=_INK,
                              pointer_events="none"))
        return result

    def groups(self, spans):
        """Lists of Spans that are drawn as one bar: one that is wide enough, or neighbours that are not."""
        group, result = [], []
        for span in spans:
            if (span.end - span.ready) * self.scale >= _SEEN:
                if group:
                    result.append(group)
                    group = []
                result.append([span])
                continue
            if group and ((span.ready - group[-1].end) * self.scale > _NEAR or
                          (span.end - group[0].ready) * self.scale > 2 * _SEEN):
                result.append(group)
                group = []
            group.append(span)
        return result + [group] if group else result

    def told(self, group):
        """The tooltip of a bar."""
        span, stats = group[0], group[0].stats
        when = f"{time_text(span.ready, 'µs')} to {time_text(group[-1].end, 'µs')}: {time_text(group[-1].end - span.ready, 'µs')}"
        if len(group) > 1:
            longest = sorted(group, key=lambda s: s.ready - s.end)[:_TITLES]
            lines = [f"{time_text(s.end - s.ready, 'µs')} {_short(s.stats.node_name)} ({s.stats.op})" for s in longest]
            return "\n".join([count_text(len(group), "instruction"), when, *lines])
        lines = [f"{stats.node_name} ({stats.op})", when]
        if stats.transfer is not None:
            t = stats.transfer
            other = f"to {t.destination}" if stats.kind == "Send" else f"from {t.source}"
            lines.append(f"{_value_of(stats)}, {bytes_text(t.bytes)}, {other}")
        elif stats.inputs:
            lines.append("reads " + _some([_short(name) for name in stats.inputs]))
        if stats.output and stats.kind != "Recv":
            made = [o.tensor_description for o in stats.output]
            lines.append("makes " + _some([f"{d.dtype.name}[{','.join(map(str, d.shape))}]" for d in made]))
        if stats.fused:
            lines.append("made of " + _some(stats.fused))
        for row in sorted(stats.inner, key=lambda row: -row.work_nanos)[:_TITLES]:
            lines.append(f"{row.body}: {row.count:,} x {_short(row.node_name)} ({row.op}), {time_text(row.work_nanos, 'µs')}")
        return "\n".join(lines + self.line_of(stats))

    def line_of(self, stats):
        """The line of the program that made an op, if the graph was given and has it."""
        try:
            text = str(self.graph.get_operation_by_name(stats.node_name).source) if self.graph is not None else ""
        except KeyError:                                # of a node that the session made
            text = ""
        return [f"defined at {text}"] if text else []

    def critical(self, lane):
        """A line along the upper edge of what is on the critical path; what nearly touches is one line."""
        pieces = []
        for span in lane.spans:
            if span.is_critical:
                first, last = self.x(span.ready), max(self.x(span.end), self.x(span.ready) + 0.6)
                if pieces and first - pieces[-1][1] <= 2 * _NEAR:
                    pieces[-1][1] = last
                else:
                    pieces.append([first, last])
        path = "".join(f"M{number(a)} -2H{number(b)}" for a, b in pieces)
        return [tag("path", d=path, stroke=_CRITICAL, stroke_width="2.4", fill="none")] if path else []

    # ---- memory -------------------------------------------------------------------------------------------------------------

    def memory(self, lane):
        """The bytes alive on the device, on one scale for all devices."""
        base = _BAR + 4 + self.area
        height = lambda nbytes: base - nbytes * (self.area - 3) / self.most
        columns, level = {}, 0                           # there may be more instructions than pixels: the most in each half of one
        for time, nbytes in lane.memory:
            column = round(self.x(time) * 2)
            most, _ = columns.get(column, (level, level))
            columns[column] = max(most, nbytes), nbytes
            level = nbytes
        path, drawn = [f"M{_LEFT} {number(base)}"], None
        for column, (most, last) in columns.items():
            for x, nbytes in ((column / 2, most), (column / 2 + 0.5, last)):
                if nbytes != drawn:
                    path.append(f"H{number(x)}V{number(height(nbytes))}")
                    drawn = nbytes
        path.append(f"H{number(self.width - _RIGHT)}V{number(base)}z")
        time, peak = lane.peak
        x = self.x(time)
        anchor, shift = ("end", -5) if x > self.width - _RIGHT - 90 else ("start", 5)
        label = f"peak {bytes_text(peak)}"
        told = words(f"memory alive on {lane.title}: at most {peak:,} bytes")
        result = [tag("path", f"<title>{told}</title>", d="".join(path), fill=_MEMORY),
                  tag("path", d=f"M{_LEFT} {number(base)}H{number(self.width - _RIGHT)}", stroke="#9fb0c3", stroke_width="0.7"),
                  tag("text", "memory", x=_LEFT - 8, y=base - 3, font_size="10", fill=_QUIET, text_anchor="end")]
        if peak:
            result += [tag("circle", cx=x, cy=height(peak), r="2", fill="#3f6ea3"),
                       tag("text", label, x=x + shift, y=max(height(peak) + 4, _BAR + 12), font_size="10", fill="#2f5780",
                           text_anchor=anchor, stroke=_PAPER, stroke_width="2.5", paint_order="stroke", stroke_linejoin="round")]
        return result

    # ---- transfers ----------------------------------------------------------------------------------------------------------

    def arrows(self):
        """From a Send's end to its Recv's end: pale where the value lay ready before anybody asked for it."""
        place = {lane: k for k, lane in enumerate(self.spans.lanes)}
        drawn = {}                                       # arrows that would lie on one another
        for send, recv in self.spans.transfers:
            a, b = place[send.lane], place[recv.lane]
            x0, x1 = self.x(send.end), self.x(max(recv.end, send.end))
            awaited = recv.ready > recv.start
            kind = "critical" if recv.is_critical and recv.cause is send else "awaited" if awaited else "ready"
            near = 3 if kind == "ready" else 1           # pixels: of what nobody waited for, less is shown
            drawn.setdefault((kind, a, b, round(x0 / near), round(x1 / near)), []).append((send, recv, x0, x1))
        shapes = {"ready": [], "awaited": [], "critical": []}
        for (kind, a, b, _, _), pairs in drawn.items():
            send, recv, x0, x1 = pairs[0]
            y0, y1 = (self.top(a) + _BAR, self.top(b) - 1) if a < b else (self.top(a), self.top(b) + _BAR + 1)
            told = f"{_value_of(send.stats)}: {bytes_text(send.stats.transfer.bytes)}, {send.lane.title} to {recv.lane.title}\n" \
                   f"sent at {time_text(send.end, 'µs')}, received at {time_text(recv.end, 'µs')}"
            if len(pairs) > 1:
                told += f"\nand {count_text(len(pairs) - 1, 'transfer')} more"
            line = f"M{number(x0)} {number(y0)}L{number(x1)} {number(y1)}{tip(x0, y0, x1, y1)}"
            shapes[kind].append(titled(line, told))
        styles = {"ready": (_ARROW, "0.7", "0.3"), "awaited": (_ARROW, "0.9", "0.75"), "critical": (_CRITICAL, "1.3", None)}
        return [tag("g", "\n".join(shapes[kind]), stroke=colour, stroke_width=thick, opacity=opacity, fill=colour)
                for kind, (colour, thick, opacity) in styles.items() if shapes[kind]]

    # ---- the legend ---------------------------------------------------------------------------------------------------------

    def legend(self, top):
        """([element], number of rows): the colours with their parts of the work, and the other forms."""
        work = {}
        for span in self.spans.spans():
            work[self.family[span]] = work.get(self.family[span], 0) + span.stats.work_nanos
        total = sum(work.values()) or 1
        entries = [(tag("rect", width=14, height=10, fill=FAMILIES[family]), f"{family} {_part(nanos / total)}")
                   for family, nanos in sorted(work.items(), key=lambda item: -item[1])]
        if any(span.ready > span.start for span in self.spans.spans()):
            entries.append((tag("path", d="M0 5H16", stroke=_WAIT, stroke_width="1.6", stroke_dasharray="3 2.4"), "waiting"))
        if self.spans.transfers:
            arrow = tag("path", d="M0 5H14" + tip(0, 5, 14, 5), stroke=_ARROW, fill=_ARROW, stroke_width="0.9")
            entries.append((arrow, "transfer"))
        if self.spans.critical:
            entries.append((tag("path", d="M0 5H16", stroke=_CRITICAL, stroke_width="2.4"), "critical path"))
        result, x, row = [], _LEFT, 0
        for form, name in entries:
            wide = 22 + 6.6 * len(name) + 14
            if x + wide > self.width and x > _LEFT:
                x, row = _LEFT, row + 1
            label = tag("text", words(name), x=21, y=9, font_size="11", fill=_INK)
            result.append(tag("g", form + label, transform=f"translate({number(x)},{number(top + _ENTRY * row)})"))
            x += wide
        return result, row + 1 if entries else 0


def _round_step(least):
    """The smallest of 1, 2, 5, 10, 20 ... nanoseconds that is no less."""
    power = 10 ** math.floor(math.log10(max(least, 1)))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= least * (1 - 1e-9) or k == 10)


def _fitting(stats, room):
    """The name of an instruction, or its last part, or its op, whichever is the first that fits; '' if none does."""
    letters = room / (_LETTER * _SIZE)
    return next((name for name in (stats.node_name, stats.node_name.rpartition("/")[2], stats.op) if len(name) <= letters), "")


def _value_of(stats):
    """The name of what a Send or a Recv moves."""
    return stats.transfer.key.rpartition(";")[2]


def _part(share):
    return f"{share:.0%}" if share >= 0.005 else "<1%"


def _short(name):
    return name if len(name) <= 48 else f"{name[:23]}…{name[-24:]}"


def _some(words):
    return ", ".join(words[:_TITLES]) + (f" and {len(words) - _TITLES} more" if len(words) > _TITLES else "")
