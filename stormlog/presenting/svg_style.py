"""Colours and lines of pictures, light and dark: CSS that a page or a picture of its own holds."""

from __future__ import annotations

__all__ = ["PICTURE_STYLE"]

#: Rules for everything below an element of class ``sl-picture``. Positions and sizes are in half pixels.
PICTURE_STYLE = """\
.sl-picture{--sl-ink:#1d2733;--sl-soft:#5b6775;--sl-grid:#e2e7ed;--sl-back:#fff;--sl-line:#9aaabb;--sl-shown:#c2410c;
--sl-failure:#b91c1c;--sl-alert:#a16207;--sl-degradation:#7c3aed;--sl-hidden:#0f766e;--sl-evidence:#1d4ed8;
--sl-1:#2563a8;--sl-2:#b45309;--sl-3:#0f766e;--sl-4:#9d3c72;--sl-5:#5b6775;--sl-6:#6d5bd0;--sl-7:#4d7c0f;--sl-8:#be4b49;
--sl-p1:#5b8def;--sl-p2:#8b6fd6;--sl-p3:#3aa58c;--sl-p4:#d99a3c;--sl-p5:#c96f9b;--sl-p6:#8795a5;--sl-tint:.13}
@media (prefers-color-scheme:dark){.sl-picture{--sl-ink:#e4e9ef;--sl-soft:#a3afbd;--sl-grid:#2d3743;--sl-back:#151b22;
--sl-line:#66768a;--sl-shown:#fb8c4e;--sl-failure:#f87171;--sl-alert:#eab53d;--sl-degradation:#b79bff;
--sl-hidden:#4fc3b0;--sl-evidence:#7fa8ff;--sl-1:#6ea8e8;--sl-2:#e0a050;--sl-3:#4fc3b0;--sl-4:#e08bbb;--sl-5:#a3afbd;
--sl-6:#a99bff;--sl-7:#a3c95f;--sl-8:#ee8a86;--sl-tint:.2}}
.sl-picture text{font:22px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
fill:var(--sl-soft)}
.sl-picture .sl-title{font-size:26px;font-weight:600;fill:var(--sl-ink)}
.sl-picture .sl-end{text-anchor:end}.sl-picture .sl-mid{text-anchor:middle}
.sl-back{fill:var(--sl-back)}.sl-grid{stroke:var(--sl-grid);stroke-width:2;fill:none}
.sl-size{stroke:var(--sl-soft);stroke-width:2;stroke-dasharray:10 8;fill:none}
.sl-line{fill:none;stroke:var(--sl-line);stroke-width:3;stroke-linejoin:round;stroke-linecap:round}
.sl-shown{stroke:var(--sl-shown);stroke-width:5}
.sl-band{fill:var(--sl-line);fill-opacity:.32;stroke:var(--sl-line);stroke-width:1}
.sl-1{stroke:var(--sl-1)}.sl-2{stroke:var(--sl-2)}.sl-3{stroke:var(--sl-3)}.sl-4{stroke:var(--sl-4)}
.sl-5{stroke:var(--sl-5)}.sl-6{stroke:var(--sl-6)}.sl-7{stroke:var(--sl-7)}.sl-8{stroke:var(--sl-8)}
.sl-phase{fill-opacity:var(--sl-tint)}
.sl-p1{fill:var(--sl-p1)}.sl-p2{fill:var(--sl-p2)}.sl-p3{fill:var(--sl-p3)}.sl-p4{fill:var(--sl-p4)}
.sl-p5{fill:var(--sl-p5)}.sl-p6{fill:var(--sl-p6)}
.sl-mark{stroke:var(--sl-back);stroke-width:2}.sl-when{stroke-width:3;stroke-dasharray:4 6;fill:none}
.sl-failure,.sl-oom{fill:var(--sl-failure)}.sl-alert{fill:var(--sl-alert)}.sl-collector{fill:var(--sl-degradation)}
.sl-hidden{fill:var(--sl-hidden)}.sl-other{fill:var(--sl-soft)}.sl-evidence{fill:var(--sl-evidence)}.sl-when{stroke:var(--sl-failure);fill:none}
.sl-spark{fill:var(--sl-1);fill-opacity:.75}
@media print{.sl-picture{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
