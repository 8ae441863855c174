"""MkDocs hook: option names, Python names and values with a deviation are not broken at the end of a line."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

LONGEST = 44
"""Longest word that is kept on one line, characters: about the width of a phone."""

_INLINE_CODE = re.compile(r"(?<!<pre>)(?<!</span>)<code>([^<]*)</code>")
_WORD = re.compile(r"[^\s<>]*[-./][^\s<>]*")


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """`content` with words of inline code in spans that do not break, and no break beside ±."""
    return _INLINE_CODE.sub(_kept, content).replace(" ± ", "\u00a0±\u00a0")


def _kept(code: re.Match[str]) -> str:
    def word(match: re.Match[str]) -> str:
        return f'<span class="word">{match[0]}</span>' if len(match[0]) <= LONGEST else match[0]

    return f"<code>{_WORD.sub(word, code[1])}</code>"
