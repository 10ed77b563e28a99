"""A comparison of runs as one self-contained HTML page: no script, no network, light and dark."""

from product_length.evaluation.charts import band_chart, learning_chart, ranking_chart
from product_length.evaluation.compare import Comparison
from product_length.evaluation.comparison_tables import group_title, headline, notes, tables
from product_length.evaluation.svg import WIDTH, shape

TEMPLATE = "comparison.html.j2"


def as_html(comparison: Comparison) -> str:
    """The page; every text from outside (folders, overrides) is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("product_length.evaluation", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups: list[dict[str, object]] = []
    for group in comparison.groups:
        charts = [ranking_chart(group), learning_chart(group), band_chart(group)]
        groups.append(
            {
                "number": len(groups) + 1,
                "title": group_title(group),
                "headline": headline(group),
                "tables": tables(group),
                "charts": [chart for chart in charts if chart is not None],
            }
        )
    runs = sum(len(group.runs) for group in comparison.groups)
    page: str = environment.get_template(TEMPLATE).render(
        groups=groups,
        notes=notes(comparison),
        runs=runs,
        width=WIDTH,
        shape=lambda series: shape(max(series, 0), 0, 0),
    )
    return page
