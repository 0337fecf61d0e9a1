"""The growth curves as SVG, with matplotlib."""

from __future__ import annotations

from pathlib import Path


def draw(curves: dict[str, list[tuple[int, float]]], directory: Path) -> None:
    """One picture a curve; nothing where there are none."""
    if not curves:
        return
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "penstock"  # the same picture for the same figures
    from matplotlib import pyplot

    for name, points in curves.items():
        figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", color="#0b6e99")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"number of {name}")
        axes.set_ylabel("µs of CPU an event")
        axes.grid(alpha=0.3)
        figure.savefig(directory / f"{name.replace(' ', '-')}.svg", metadata={"Date": None})
        pyplot.close(figure)
