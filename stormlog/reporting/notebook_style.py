"""How answers look in a notebook: in its own colours, whether these are light or dark."""

from __future__ import annotations

import re

from stormlog.presenting.svg_style import PICTURE_STYLE
from stormlog.reporting.page_style import PART_STYLE

__all__ = ["NOTEBOOK_CLASS", "NOTEBOOK_STYLE"]

#: Class of the element around an answer.
NOTEBOOK_CLASS = "sl-note"

#: Notebooks have rules of their own for tables; named twice, a class has more weight than they have.
_SCOPE = f".{NOTEBOOK_CLASS}.{NOTEBOOK_CLASS}"

# A theme of a notebook is none of the system, so nothing asks for `prefers-color-scheme`. Text has the colour of the
# notebook, other colours are mixed with it; those of pictures have a contrast of 3 and more with white and with black.
_COLOURS = """\
--ink:currentColor;--soft:color-mix(in srgb,currentColor 72%,transparent);--line:rgba(128,128,128,.35);
--code:rgba(128,128,128,.14);--bad:color-mix(in srgb,#e5484d 72%,currentColor);
--warn:color-mix(in srgb,#c98a12 72%,currentColor);--good:color-mix(in srgb,#2fa35c 72%,currentColor);
--note:color-mix(in srgb,#3b82d0 72%,currentColor)"""
_PICTURE_COLOURS = """\
--sl-ink:currentColor;--sl-soft:currentColor;--sl-grid:rgba(128,128,128,.35);--sl-back:transparent;--sl-line:#7d8590;
--sl-shown:#d9480f;--sl-failure:#e03e3e;--sl-alert:#b08312;--sl-degradation:#9b63ee;--sl-hidden:#17968a;
--sl-evidence:#4a7bf0;--sl-1:#2f81d6;--sl-2:#c8741a;--sl-3:#16958a;--sl-4:#c2569b;--sl-5:#7d8590;--sl-6:#8a72e0;
--sl-7:#6b9a26;--sl-8:#dd5b56;--sl-tint:.18"""

_LAYOUT = """\
p{margin:.35rem 0}
h3{font-size:1.05rem;margin:.9rem 0 .35rem;overflow-wrap:anywhere}
h4{font-size:.9rem;margin:.9rem 0 .35rem}
table{table-layout:auto;width:auto;min-width:50%;margin:.25rem 0;border:0}
th,td{white-space:normal;max-width:32rem;overflow-wrap:anywhere;background:none}
th.number,td.number{text-align:right}
dl{margin:.35rem 0}
dt{font-weight:400}
pre{margin:.35rem 0}
figure svg{max-width:60rem}
"""


def _scoped(style: str) -> str:
    """Return plain rules for what stands within an answer only."""

    def scoped(rule: re.Match[str]) -> str:
        selectors = ",".join(f"{_SCOPE} {selector.strip()}" for selector in rule[1].split(","))
        return f"{selectors}{{{rule[2]}}}"

    return re.sub(r"([^{}]+)\{([^{}]*)\}", scoped, style)


NOTEBOOK_STYLE = (
    f"{PICTURE_STYLE}.{NOTEBOOK_CLASS}{{{_COLOURS};font-size:.9rem;line-height:1.5;max-width:72rem}}\n"
    f"{_SCOPE} .sl-picture{{{_PICTURE_COLOURS}}}\n{_scoped(PART_STYLE)}{_scoped(_LAYOUT)}"
)
