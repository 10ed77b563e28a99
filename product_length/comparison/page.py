"""A comparison of recipes as one self-contained page: no script, no network, light and dark."""

from collections.abc import Sequence

from product_length.comparison.charts import band_chart, learning_chart, ranking_chart
from product_length.comparison.compare import Comparison
from product_length.comparison.pictures import Picture
from product_length.comparison.sentences import (
    group_title,
    headline,
    lacks,
    notes,
    title,
)
from product_length.comparison.svg import WIDTH, shape
from product_length.comparison.tables import tables
from product_length.evaluation.metrics import METRICS

TEMPLATE = "page.html.j2"


def as_html(comparison: Comparison, pictures: Sequence[Picture] = ()) -> str:
    """The page; every text from outside (folders, overrides, captions) is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("product_length.comparison", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups: list[dict[str, object]] = []
    for group in comparison.groups:
        charts = [
            ranking_chart(group),
            learning_chart(group),
            *(band_chart(group, metric) for metric in METRICS if metric.by_band),
        ]
        groups.append(
            {
                "number": len(groups) + 1,
                "title": group_title(group),
                "headline": headline(group),
                "tables": tables(group),
                "charts": [chart for chart in charts if chart is not None],
            }
        )
    page: str = environment.get_template(TEMPLATE).render(
        groups=groups,
        notes=[*lacks(comparison), *notes(comparison)],
        title=title(comparison),
        pictures=pictures,
        width=WIDTH,
        shape=lambda series: shape(max(series, 0), 0, 0),
    )
    return page
