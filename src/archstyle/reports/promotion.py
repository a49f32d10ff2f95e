"""What register decided, as a small page for the report, which is made before looks are counted."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from archstyle.reports.page import render


def promotion_page(registered: Mapping[str, Any]) -> str:
    """Return what reports/registered.json holds as HTML."""
    return render("promotion.html", registered=registered)


def with_promotion(report: str, promotion: str) -> str:
    """Return reports/index.html with the page in it, for where it does not lie beside it."""
    carried = b64encode(promotion.encode()).decode()
    return report.replace('data="promotion.html"', f'data="data:text/html;base64,{carried}"')
