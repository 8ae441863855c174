"""Pages (HTML, Markdown) from the Jinja2 templates in assets/."""

import base64
import functools
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from alignnet_common.files import asset


@functools.cache
def _environment() -> Environment:
    """The templates' environment: values are escaped in HTML, and a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(asset("")),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_template(name: str, **values: Any) -> str:
    """The page of the template `name`, such as "report.html" or "data-card.md".

    Raises jinja2.UndefinedError if a value is missing.
    """
    return _environment().get_template(name).render(values)


def image_source(content: bytes, kind: str) -> str:
    """A picture's file of type `kind`, "png" or "jpeg", as the data URL of an <img>."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def ready_html(text: str) -> Markup:
    """HTML or SVG that templates insert without escaping."""
    return Markup(text)
