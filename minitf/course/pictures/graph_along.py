"""Coordinates along the flow: a band for each layer, channels between them in which edges bend, and the frames around what is in them."""

_CHANNEL, _STEEP, _WIDEST = 20, 0.09, 70        # a channel's depth: at least; for each pixel that an edge moves aside in it; at most


class Bands:
    """centre         of each layer: where the centres of its boxes are
    begin, end     of each layer: where its band begins and ends; in between edges run straight
    frame          (begin, end) of each frame along the flow
    """

    def __init__(self, rows, sizes, moves):
        """moves: of each link, how far it moves aside in its channel."""
        self.rows, self.sizes, height = rows, sizes, rows.height
        self._before, self._after = [0.0] * height, [0.0] * height          # how far boxes and their labels reach on either side of the centre
        for b in range(rows.count):
            r = rows.layer[b]
            self._before[r] = max(self._before[r], sizes.depth[b] / 2)
            self._after[r] = max(self._after[r], sizes.depth[b] / 2 + sizes.room(b))
        self._channel = [0.0] * height
        for link, aside in zip(rows.links, moves):
            r = rows.layer[link.below]
            self._channel[r] = max(self._channel[r], aside)
        self._inner_first = sorted(range(rows.root), key=lambda f: -rows.depth(f))
        longer = [0.0] * rows.root
        while True:                                     # until each title has room
            self._set(longer)
            short = [sizes.frame_length(f) - (end - begin) for f, (begin, end) in enumerate(self.frame)]
            if all(s < 0.5 for s in short):
                break
            longer = [x + max(s, 0) for x, s in zip(longer, short)]

    def _set(self, longer):
        """Sets everything, with so much more room at the end of each frame."""
        rows, sizes = self.rows, self.sizes
        first, last = [0.0] * rows.root, [0.0] * rows.root                  # how far each frame reaches beyond the boxes of its outermost layers
        for f in self._inner_first:
            first[f] += sizes.pad_begin
            last[f] += sizes.pad_end + longer[f]
            parent = rows.parent(f)
            if parent != rows.root and rows.spans[parent][0] == rows.spans[f][0]:
                first[parent] = max(first[parent], first[f])
            if parent != rows.root and rows.spans[parent][1] == rows.spans[f][1]:
                last[parent] = max(last[parent], last[f])
        before, after = list(self._before), list(self._after)
        for f, (low, high) in enumerate(rows.spans):
            before[low] = max(before[low], self._before[low] + first[f])
            after[high] = max(after[high], self._after[high] + last[f])
        self.centre, self.begin, self.end, at = [], [], [], 0.0
        for r in range(rows.height):
            self.begin.append(at)
            self.centre.append(at + before[r])
            self.end.append(at + before[r] + after[r])
            at = self.end[r] + min(round(_CHANNEL + _STEEP * self._channel[r]), _WIDEST)
        self.frame = [(self.centre[low] - self._before[low] - first[f], self.centre[high] + self._after[high] + last[f])
                      for f, (low, high) in enumerate(rows.spans)]


def frames_across(rows, sizes, reach, across, borders):
    """[(low, high)] of each frame across the flow: close around what is in it, but within its borders, and as wide as its title needs."""
    low, high = [float("inf")] * rows.root, [-float("inf")] * rows.root

    def include(f, left, right):
        if f != rows.root:
            low[f], high[f] = min(low[f], left - sizes.pad_low), max(high[f], right + sizes.pad_high)

    for item, f in enumerate(rows.frame):
        include(f, across[item] - reach[item][0], across[item] + reach[item][1])
    for f in sorted(range(rows.root), key=lambda f: -rows.depth(f)):
        wide = sizes.frame_width(f)
        if high[f] - low[f] < wide:
            left, right = borders[f]
            low[f] = min(max(left, (low[f] + high[f] - wide) / 2), right - wide)
            high[f] = low[f] + wide
        include(rows.parent(f), low[f], high[f])
    return list(zip(low, high))
