"""The page and the picture of `neighbours.py`."""

from pathlib import Path
from typing import Any

K = 20
RECALL = 0.95
NO_GPU = "not run: no GPU"
HOW = ("exact", "approximate")
Measured = dict[str, Any]


def entries_of(measured: list[Measured], command: str, where: str) -> list[Measured]:
    entries = []
    for each in measured:
        vectors = f"vectors{each['of'] or ' made'}"
        facts = each["facts"]
        exactly, in_lists = (", estimated" * each[f"{how}_estimated"] for how in HOW)
        values = [
            (f"exact search{' on a GPU' * each['on_gpu']}{exactly}", each["exact"], "s"),
            (f"search in IVF lists, all{in_lists}", each["approximate"], "s"),
            ("putting into IVF lists and tuning", each["prepared"], "s"),
            ("exact time / time in IVF lists", each["ratio"], ""),
            (f"recall@{K}", each["recall"], ""),
            ("IVF lists", facts["lists"], ""),
            ("nprobe", facts["nprobe"], ""),
            ("peak memory, exact", each["memory_exact"], "GB"),
            ("peak memory, in IVF lists", each["memory"], "GB"),
        ]
        entries += [
            {
                "name": f"{vectors}: {name}",
                "value": float(f"{value:.4g}"),
                "unit": unit,
                "floor": RECALL if name == f"recall@{K}" else None,
                "rows": each["rows"],
                "command": command,
                "machine": where,
            }
            for name, value, unit in values
        ]
    if not measured[0]["on_gpu"]:
        told = {"name": "exact search on a GPU", "value": NO_GPU, "unit": "", "floor": None}
        most = max(each["rows"] for each in measured)
        entries.append({**told, "rows": most, "command": command, "machine": where})
    return entries


def line_of(each: Measured) -> str:
    def seconds(name: str) -> str:
        told = f"{each[name]:,.0f} s"
        return f"*≈ {told}*" if each[f"{name}_estimated"] else told

    facts = each["facts"]
    return (
        f"| {each['rows']:,}{each['of']} | {seconds('exact')} "
        f"| {seconds('approximate')} | {each['prepared']:,.0f} s | {each['ratio']:.1f} "
        f"| {each['recall']:.3f} | {facts['nprobe']} of {facts['lists']:,}"
        f"{'' if facts['kind'] == 'ivf' else ' (exact)'} "
        f"| {each['memory_exact']:.1f} GB | {each['memory']:.1f} GB |"
    )


def as_markdown(measured: list[Measured], threads: int) -> str:
    on_gpu = measured[0]["on_gpu"]
    where = "on a GPU" if on_gpu else f"{threads} thread{'s' if threads > 1 else ''}"
    return "\n".join(
        [
            f"| rows × rows | exact, {where} | in IVF lists | of which tuning "
            f"| ratio | recall@{K} | nprobe of lists | memory, exact | in lists |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *map(line_of, measured),
            *([] if on_gpu else ["", f"Exact search on a GPU: {NO_GPU}."]),
            "",
        ]
    )


def draw(measured: list[Measured], threads: int, path: Path) -> None:
    """Time and recall against rows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    times, recalls = figure.subplots(1, 2)
    rows = [each["rows"] for each in measured]
    for axes in (times, recalls):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, color="#e4e6e8", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xlabel("rows, each searched among all")
    for name, label, style, colour in (
        ("exact", "exact" + ", on a GPU" * measured[0]["on_gpu"], "s--", "#D55E00"),
        ("approximate", "in IVF lists, with tuning", "o-", "#0072B2"),
    ):
        times.plot(rows, [each[name] for each in measured], style, color=colour, label=label)
        for each in measured:
            if each[f"{name}_estimated"]:
                times.plot(
                    each["rows"], each[name], style[0], color=colour, markerfacecolor="white"
                )
    times.set_yscale("log")
    times.set_ylabel("seconds (hollow: estimated)")
    times.set_title(f"Time, {threads} thread{'s' if threads > 1 else ''}", loc="left")
    times.legend(frameon=False)
    recalls.plot(rows, [each["recall"] for each in measured], "o-", color="#0072B2")
    recalls.axhline(RECALL, color="black", linestyle=":", linewidth=1)
    recalls.annotate("asked for", (rows[0], RECALL), (0, -4), textcoords="offset points", va="top")
    recalls.set_ylim(0.9, 1.002)
    recalls.set_ylabel(f"recall@{K} against exact")
    recalls.set_title(f"Recall of the {K} nearest", loc="left")
    figure.savefig(path, format="png")
