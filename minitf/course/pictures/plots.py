"""Plots for the notebooks: images in a grid, a loss surface with the paths of descents, a ladder of speeds, who does what when.

Each is left to matplotlib's pyplot, which shows it at the end of the notebook's cell; nothing is returned that would print an address.
matplotlib is imported when the first is drawn.
"""
import math

import numpy as np

_COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]      # Okabe and Ito's: all can tell them apart
_MARKERS = "os^Dv*"
_WIDTH, _DPI = 8.0, 100                                 # inches: no plot is wider than 800 pixels


def show_images(arrays, titles=None, columns=None, signed=False, size=None):
    """Grey pictures side by side: digits, or the weights of a unit.

    arrays   of two dimensions each, or vectors of as many numbers as a square has pixels (784 for 28 by 28)
    titles   a text for each
    columns  in a row; default up to ten
    signed   True: for numbers on both sides of zero: blue below, white at zero, red above, the same scale in all pictures
    size     inches of one picture; default what fits
    ValueError for arrays of another form, and if there is not one title for each.
    """
    import matplotlib.pyplot as plt
    images = [_image(a, i) for i, a in enumerate(arrays)]
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images and {len(titles)} titles")
    if not images:
        raise ValueError("There is no image to show")
    columns = columns or min(len(images), 10)
    rows = -(-len(images) // columns)
    room, bar = 0.25 if titles is not None else 0.05, 0.9 if signed else 0
    size = min(size or (1.6 if columns < 6 else _WIDTH), (_WIDTH - bar) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns + bar, (size + room) * rows), dpi=_DPI, squeeze=False, layout="constrained")
    low, high = min(float(i.min()) for i in images), max(float(i.max()) for i in images)
    if signed:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles if titles is not None else [""] * len(images)):
        shown = axis.imshow(image, cmap="RdBu_r" if signed else "gray_r", vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(str(title), fontsize=max(9, min(11, 9 * size)))
    if signed:
        figure.colorbar(shown, ax=axes, shrink=0.8, aspect=15 * rows if rows < 3 else 30)


def _image(array, index):
    array = np.asarray(array)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        array = array.reshape([n for n in array.shape if n != 1] if array.size > 1 else (1, 1))
    side = math.isqrt(array.size)
    if array.ndim == 1 and side * side == array.size and array.size:
        array = array.reshape(side, side)
    if array.ndim != 2:
        raise ValueError(f"Image {index} has the shape {list(array.shape)}: show_images takes a list of images, each of two dimensions, "
                         "or of as many numbers as a square has pixels")
    return array


def loss_surface(f, x_range, y_range, paths=None, title="", names=("x", "y"), steps=61):
    """Lines of equal loss, and how descents walk across them.

    f         f(x, y) gives the loss, a number; it is called for each point of a grid
    x_range   (lowest, highest); y_range too
    paths     {label: [[x, y], ...]}: a ring is where it begins, a disc where it ends
    names     of the two axes
    steps     points of the grid along each axis
    """
    import matplotlib.pyplot as plt
    xs, ys = np.linspace(*x_range, steps), np.linspace(*y_range, steps)
    z = np.array([[float(f(float(x), float(y))) for x in xs] for y in ys])
    finite = z[np.isfinite(z)]
    levels = np.unique(np.quantile(finite, np.linspace(0, 1, 16))) if finite.size else []       # as many points between each two lines
    figure, axis = plt.subplots(figsize=(6.4, 4.8), dpi=_DPI, layout="constrained")
    if len(levels) > 1:
        axis.contourf(xs, ys, z, levels, cmap="Greys", norm=_by_rank(levels), alpha=0.35)
        lines = axis.contour(xs, ys, z, levels[1:-1:2], colors="#7a828a", linewidths=0.7)
        axis.clabel(lines, fontsize=8, fmt="%.3g")
    for i, (label, path) in enumerate((paths or {}).items()):
        path = np.asarray(path, float).reshape(-1, 2)
        colour = _COLOURS[i % len(_COLOURS)]
        axis.plot(path[:, 0], path[:, 1], "-", color=colour, marker=_MARKERS[i % len(_MARKERS)], markersize=3, linewidth=1.6, label=label)
        axis.plot(*path[0], "o", color=colour, markersize=9, markerfacecolor="white", markeredgewidth=2)
        axis.plot(*path[-1], "o", color=colour, markersize=9)
    axis.set_xlim(*x_range)
    axis.set_ylim(*y_range)
    axis.set_xlabel(names[0], fontsize=11)
    axis.set_ylabel(names[1], fontsize=11)
    axis.set_title(title, fontsize=12)
    if paths:
        axis.legend(fontsize=10, framealpha=0.9)


def _by_rank(levels):
    """Shades by the number of the level, so that a narrow valley shows as well as a high wall."""
    from matplotlib.colors import BoundaryNorm
    return BoundaryNorm(levels, 256)


def ladder(names, seconds, title="", reference=0):
    """A bar for each version of a program, as long as the logarithm of its time, with the time and how many times as fast it is.

    names      from top to bottom
    seconds    the time of each, above zero
    reference  the index of the one that the others are compared with
    ValueError if there is not one time for each name, or one is not above zero.
    """
    import matplotlib.pyplot as plt
    if len(names) != len(seconds) or not len(names):
        raise ValueError(f"{len(names)} names and {len(seconds)} times")
    seconds = [float(s) for s in seconds]
    if not all(s > 0 and math.isfinite(s) for s in seconds):
        raise ValueError(f"A time must be above zero: {seconds}")
    figure, axis = plt.subplots(figsize=(_WIDTH, 0.9 + 0.42 * len(names)), dpi=_DPI, layout="constrained")
    low = 10 ** (math.floor(math.log10(min(seconds)) - 0.15))
    places = range(len(names))
    axis.barh(places, [s - low for s in seconds], left=low, height=0.62,
              color=["#9aa3ab" if i == reference else _COLOURS[1] for i in places])
    for i, s in enumerate(seconds):
        factor = seconds[reference] / s
        text = _time(s) + ("" if i == reference else f"   {_factor(factor)}")
        axis.annotate(text, (s, i), xytext=(5, 0), textcoords="offset points", va="center", fontsize=10)
    axis.set_xscale("log")
    axis.xaxis.set_minor_formatter("")                     # over less than two decades its labels run into one another
    axis.set_xlim(low, max(seconds) * (max(seconds) / low) ** 0.32)
    axis.set_yticks(places, names, fontsize=10)
    axis.invert_yaxis()
    axis.set_xlabel("seconds (logarithmic)", fontsize=10)
    axis.set_title(title, fontsize=12)
    axis.grid(axis="x", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _time(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= size or unit == "ns":
            value = seconds / size
            return f"{value:.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def _factor(factor):
    if factor >= 1:
        return f"{factor:,.0f} times as fast" if factor >= 10 else f"{factor:.2g} times as fast"
    return f"{1 / factor:,.0f} times as slow" if factor <= 0.1 else f"{1 / factor:.2g} times as slow"


def lanes(bars, title="", names=None, arrows=(), unit="µs", order=None):
    """Who does what when: a lane for each device, a bar for each piece of work.

    bars    [(lane, start, end, kind, label)]: bars of one kind have one colour, and the label is written in those that have room for it
    title   a line above
    names   {kind: text} for the legend, in the order of the colours; None: no legend, and colours by first use
    arrows  [(lane, time, lane, time)]: what is carried from one lane to another
    unit    of the times
    order   the lanes from top to bottom, also such as have no bar; None: by name
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch
    bars = list(bars)
    places = {str(lane): k for k, lane in enumerate(order or sorted({str(b[0]) for b in bars}))}
    kinds = list(names) if names else []
    kinds += [k for k in dict.fromkeys(b[3] for b in bars) if k not in kinds]
    colours = {k: plt.cm.viridis(i / (len(kinds) - 1)) if len(kinds) > len(_COLOURS) else _COLOURS[i] for i, k in enumerate(kinds)}
    last = max((b[2] for b in bars), default=1)
    figure, axis = plt.subplots(figsize=(_WIDTH, 1.0 + 0.42 * len(places) + (0.25 if names else 0)), dpi=_DPI, layout="constrained")
    for lane, start, end, kind, label in bars:
        y = places[str(lane)]
        axis.barh(y, end - start, left=start, height=0.72, color=colours[kind], edgecolor="white",
                  linewidth=0.6 if (end - start) / last > 0.004 else 0)
        if label and (end - start) / last > 0.012 * len(str(label)):
            axis.text((start + end) / 2, y, str(label), ha="center", va="center", fontsize=9, color="white", fontweight="bold")
    for lane, left, other, there in arrows:
        axis.annotate("", (there, places[str(other)]), (left, places[str(lane)]), zorder=3,
                      arrowprops={"arrowstyle": "-|>", "color": "#444444", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0,
                                  "mutation_scale": 8})
    axis.set_yticks(range(len(places)), list(places), fontsize=10)
    axis.set_ylim(len(places) - 0.5, -0.5)
    axis.set_xlim(0, last * 1.01)
    axis.set_xlabel(unit, fontsize=10)
    axis.set_title(title, fontsize=12)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    if names:
        figure.legend(handles=[Patch(color=colours[k], label=text) for k, text in names.items()], loc="outside lower center",
                      ncols=6, fontsize=9, frameon=False)
