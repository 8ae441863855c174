"""MkDocs hook: pages whose text is a file outside docs/, such as ARCHITECTURE.md.

The page in docs/ holds a link to the file, for readers of the repository; the site shows the file itself.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

SOURCES = {
    "architecture.md": "ARCHITECTURE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "model-card-pose.md": "assets/weights/README.md",
    "model-card-small.md": "assets/weights/reid-small.md",
}
"""File shown by each page, from the root of the repository."""

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text of the page's file with its links adapted; `markdown` itself for other pages."""
    source = SOURCES.get(page.file.src_uri)
    if source is None:
        return markdown
    path = ROOT / source
    if not path.is_file():
        raise PluginError(f"{page.file.src_uri} shows {source}, which does not exist")
    return with_page_links(path.read_text(encoding="utf-8"), source)


def with_page_links(text: str, source: str) -> str:
    """`text` of the file `source` with links between files turned into links between pages.

    A link to a file that is no page becomes its text. Addresses and anchors stay as they are.
    """
    pages = {file: page for page, file in SOURCES.items()}

    def adapted(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, hash_mark, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if path in pages:
            return f"{image}[{label}]({pages[path]}{hash_mark}{anchor})"
        if path.startswith("docs/"):
            return f"{image}[{label}]({path.removeprefix('docs/')}{hash_mark}{anchor})"
        return label

    return _LINK.sub(adapted, text)
