"""Pages from templates: values are escaped, pictures lie inside the page, a missing value is an error."""

import base64

import jinja2
import pytest

from alignnet_common.html import image_source, ready_html, render_template

REPORT = {
    "title": "people of <nowhere>",
    "lead": "",
    "cards": [{"value": "1 %", "label": "rank-1", "best": True}],
    "reading": "",
    "header": ["", "rank-1"],
    "rows": [["chance", "1.0"]],
    "protocol": "a & b",
    "cmc_chart": ready_html("<svg></svg>"),
    "loss_chart": "<svg>",
    "views": None,
    "views_note": "no network",
    "variant": "baseline",
    "sheets": [("a 'sheet'", image_source(b"picture", "png"))],
    "facts": {"seed": 3},
}


def test_values_are_escaped_and_ready_html_is_not():
    page = render_template("report.html", **REPORT)
    assert page.startswith("<!doctype html>")
    assert page.count("people of &lt;nowhere&gt;") == 2
    assert "a &amp; b" in page
    assert "<div><svg></svg></div><div>&lt;svg&gt;</div>" in page
    assert "<tr><td>chance</td><td>1.0</td></tr>" in page


def test_a_picture_lies_inside_the_page():
    assert image_source(b"picture", "png") == "data:image/png;base64," + base64.b64encode(b"picture").decode()
    assert image_source(b"picture", "png") in render_template("report.html", **REPORT)


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="reading"):
        render_template("report.html", **{name: value for name, value in REPORT.items() if name != "reading"})
