"""How a page looks: on a screen of any width, light or dark, and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d232b; --faint: #5c6672;
  --line: #d5dae1; --one: #1f6fb2; --two: #c2571a; --best: #2d7d46; --soft: #f3f5f8 }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e4e8ed;
  --faint: #9aa5b1; --line: #3a424c; --one: #6db3f2; --two: #f0a067; --best: #7fce97;
  --soft: #1d232a } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, "Hiragino Sans", "Yu Gothic UI",
  "Noto Sans CJK JP", "Noto Sans JP", sans-serif }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; padding-top: .6rem;
  border-top: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem }
a { color: var(--one) }
p, figure { margin: .5rem 0 }
nav a { display: inline-block; padding: .15rem 0; margin-right: .9rem }
.note, caption, figcaption { color: var(--faint); font-size: .875rem }
caption { text-align: left; padding-bottom: .3rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .3rem 0 }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line);
  font-weight: normal; white-space: nowrap }
th:first-child, td.left { text-align: left }
thead th { color: var(--faint); vertical-align: bottom }
th.key { min-width: 10rem; max-width: 16rem; white-space: normal;
  overflow-wrap: break-word }
td.value { text-align: left; white-space: normal; overflow-wrap: anywhere;
  min-width: 9rem }
th .text { white-space: pre; overflow-wrap: normal; word-break: normal }
th { max-width: 12rem; overflow: hidden; text-overflow: ellipsis }
table.cells td { text-align: center; padding: 0; border: 1px solid var(--line);
  background: color-mix(in srgb, var(--one) calc(var(--share) * 45%), transparent) }
table.cells td > * { display: block; padding: .4rem .6rem; min-width: 2.6rem }
table.cells td a { color: inherit }
table.cells td.right { outline: 2px solid var(--best); outline-offset: -2px }
.listed { display: none }
.listed:target { display: block }
.listed, .example { border-left: 3px solid var(--line); padding-left: .8rem }
.example { margin: .7rem 0; border-color: var(--two) }
.example p { margin: .1rem 0 }
.text { white-space: pre-wrap; overflow-wrap: anywhere; word-break: break-word }
details.all summary { cursor: pointer; color: var(--faint) }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; font-size: .8rem;
  line-height: 1.4; margin: .4rem 0 }
svg { width: 100%; max-width: 42rem; height: auto; display: block }
svg text { fill: var(--ink); font-size: 13px }
svg .grid { stroke: var(--line) }
svg .one { stroke: var(--one) } svg .two { stroke: var(--two) }
svg .best { stroke: var(--best) }
svg polyline { fill: none; stroke-width: 2 } svg .thin { stroke-width: 1; opacity: .35 }
svg .dot { stroke: none; fill: var(--two) } svg .bar { stroke: none; fill: var(--one) }
svg .dot.many { fill: var(--one); opacity: .4 }
svg .bar.two { fill: var(--two) }
@media (max-width: 30rem) { table { font-size: .9rem }
  th, td { padding: .3rem .35rem } }
@media print { .listed { display: none } body { max-width: none } }
"""
