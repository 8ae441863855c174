"""MkDocs hook: lines do not break within names and values, nor after each word of a table cell with much text."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

LONGEST = 44
"""Longest word that is kept on one line, characters: about the width of a phone."""

MUCH_TEXT = 40
"""Length of a table cell from which it has a smallest width on a phone, characters."""

_INLINE_CODE = re.compile(r"(?<!<pre>)(?<!</span>)<code>([^<]*)</code>")
_CELL = re.compile(r"<td([^>]*)>(.*?)</td>", flags=re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_WORD = re.compile(r"[^\s<>]*[-./][^\s<>]*")


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """`content` with unbroken words of inline code, no break beside ±, and table cells of much text marked."""
    content = _INLINE_CODE.sub(_kept, content).replace(" ± ", "\u00a0±\u00a0")
    return _CELL.sub(_marked, content)


def _marked(cell: re.Match[str]) -> str:
    attributes, inner = cell.groups()
    much = len(_TAG.sub("", inner)) >= MUCH_TEXT and "class=" not in attributes
    return f"<td{attributes}{' class=much' * much}>{inner}</td>"


def _kept(code: re.Match[str]) -> str:
    def word(match: re.Match[str]) -> str:
        return f'<span class="word">{match[0]}</span>' if len(match[0]) <= LONGEST else match[0]

    return f"<code>{_WORD.sub(word, code[1])}</code>"
