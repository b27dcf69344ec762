"""How the page of a report looks: on a screen, light and dark, on a phone and on paper; and its parts, elsewhere."""

from __future__ import annotations

__all__ = ["PAGE_STYLE", "PART_STYLE"]

#: Rules for what `stormlog.reporting.page_parts` makes; plain rules only, so that others may put a class before each.
PART_STYLE = """\
.soft{color:var(--soft)}.small{font-size:.875rem}.warn{color:var(--warn)}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.2rem 1.25rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.875rem;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:600;font-size:.8125rem;white-space:nowrap}
th[scope=row]{font-weight:400}
.number{text-align:right}td.number,td.time{white-space:nowrap}
td.title,th.title{overflow-wrap:anywhere;min-width:12rem}
.marked{font-weight:600}
.chip{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:0 .55rem;font-size:.8125rem;
line-height:1.45;white-space:nowrap;max-width:16rem;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.chip.critical,.chip.error{color:var(--bad)}.chip.warning{color:var(--warn)}.chip.info{color:var(--note)}
.chip.other{color:var(--soft)}
.state{color:var(--soft);white-space:nowrap}.state.regressed,.state.new{color:var(--bad)}.state.resolved{color:var(--good)}
code,pre{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code{overflow-wrap:anywhere}
pre{background:var(--code);border-radius:6px;padding:.65rem .9rem;overflow-x:auto;white-space:pre-wrap;
overflow-wrap:anywhere}
figure{margin:1rem 0}
figure svg{display:block;width:100%;min-width:34rem;height:auto}
.sl-hits{width:7.5rem;height:1.75rem;display:block}
figure .sl-spark-memory{min-width:0;max-width:30rem}
figcaption{color:var(--soft);font-size:.875rem}
.field{width:6rem;color:var(--soft)}
.value{display:inline-block;margin-right:1.25rem}
.meter{display:inline-block;width:2.5rem;height:.55rem;margin-right:.45rem;border-radius:3px;vertical-align:.05em;
background:linear-gradient(var(--note),var(--note)) left/var(--share) 100% no-repeat,var(--line)}
"""

_PAGE = """\
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6775;--line:#dfe4ea;--page:#f5f7f9;--card:#fff;--link:#1d4ed8;
--bad:#b91c1c;--warn:#a16207;--good:#15803d;--note:#1d5fa8;--code:#f0f3f6}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#a3afbd;--line:#2d3743;--page:#0f1419;--card:#151b22;
--link:#8db4ff;--bad:#f87171;--warn:#eab53d;--good:#5cc98a;--note:#7db7f0;--code:#1d252e}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main,body>header,body>footer{max-width:64rem;margin:0 auto;padding:0 1.25rem}
body>header{padding-top:2rem}body>footer{padding-bottom:3rem;color:var(--soft);font-size:.875rem}
h1{font-size:1.65rem;line-height:1.25;margin:.25rem 0 .5rem;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem}
h3{font-size:1.05rem;margin:1.5rem 0 .5rem}
p,ul,dl,pre,table,figure{margin:.5rem 0}
a{color:var(--link)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:1}
.kicker{color:var(--soft);font-size:.8125rem;letter-spacing:.02em;margin:0}
.verdict{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--good);border-radius:8px;
padding:1.1rem 1.4rem}
.verdict.findings{border-left-color:var(--bad)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:1rem 0 0;font-size:.9375rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.5rem 1.4rem 1.1rem;margin:1rem 0}
.card>h3:first-child{margin-top:.75rem}
.card h3{font-size:1.125rem;line-height:1.35;overflow-wrap:anywhere}
.card h4{font-size:.875rem;color:var(--soft);font-weight:600;margin:1.25rem 0 .35rem}
"""

_NARROW_AND_PAPER = """\
@media (max-width:42rem){body{font-size:15px}main,body>header,body>footer{padding-left:.9rem;padding-right:.9rem}
h1{font-size:1.35rem}.card,.verdict{padding-left:.9rem;padding-right:.9rem}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.45rem}
table.cards,table.cards caption,table.cards tbody,table.cards tr,table.cards td,
table.cards th[scope=row]{display:block;width:100%}
table.cards thead{position:absolute;left:-99rem}
table.cards tr{border-bottom:1px solid var(--line);padding:.6rem 0}
table.cards td,table.cards th[scope=row]{border:0;padding:.1rem 0;text-align:left;white-space:normal;min-width:0}
table.cards td[data-label]::before{content:attr(data-label) " ";color:var(--soft)}
table.cards td:has(svg)::before{content:none}}
@media print{:root{color-scheme:light;--page:#fff}body{font-size:10.5pt}nav,.skip{display:none}
.card,.verdict,figure,tr{break-inside:avoid}.card{border-color:#bbb}figure svg{min-width:0}
main,body>header,body>footer{max-width:none;padding:0}}
"""

PAGE_STYLE = _PAGE + PART_STYLE + _NARROW_AND_PAPER
