"""The CSS of the page of `espalier report`: light, dark, print and mobile, without scripts or external fonts."""

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --band: #f3f3f0; --ink: #16181d; --soft: #565b66; --line: #dcdcd8;
  --link: #1f5fae; --k0: #2a78d6; --k1: #d9580f; --k2: #12875d; --k3: #6a4fc0;
  --good: #16855a; --even: #6f7682; --uneasy: #b87403; --bad: #cf3030; --none: #b9bcc2; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --band: #1e2126; --ink: #eceef1; --soft: #a5abb6; --line: #353a42;
  --link: #8ab8f2; --k0: #5b9df0; --k1: #f0894d; --k2: #3fbd8c; --k3: #a892f0;
  --good: #3fbd8c; --even: #98a0ad; --uneasy: #e5a93c; --bad: #f27070; --none: #565c66; --on: #101215; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 28px 20px 64px; max-width: 1104px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: break-word; }
h1 { margin: 0; font-size: 30px; line-height: 1.15; letter-spacing: -0.01em; }
h2 { margin: 0 0 12px; font-size: 20px; line-height: 1.25; }
h3 { margin: 22px 0 8px; font-size: 15px; line-height: 1.3; }
p { margin: 6px 0; max-width: 76ch; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code { font: 0.88em ui-monospace, "SFMono-Regular", Consolas, monospace; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 4px; }
section { margin-top: 30px; padding-top: 22px; border-top: 1px solid var(--line); scroll-margin-top: 8px; }
.warning { color: var(--bad); } .note, figcaption, .lead { color: var(--soft); } .lead { font-size: 16px; margin-top: 6px; }
img, svg { display: block; max-width: 100%; height: auto; }
.chain { margin-top: 22px; } .chain svg { width: 100%; }
.pixels { image-rendering: pixelated; }
figure { margin: 0; } figure img { width: 100%; border-radius: 4px; } figcaption { margin-top: 6px; font-size: 13.5px; }
.strips { display: grid; grid-template-columns: repeat(auto-fill, minmax(236px, 1fr)); gap: 14px 18px; margin: 10px 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 18px; margin: 10px 0; }
.large img { max-width: 760px; } .large + .large { margin-top: 20px; } .times img { width: auto; } .pair h3 { margin-top: 6px; }
.verdicts { list-style: none; margin: 18px 0 0; padding: 0; display: grid; gap: 6px; }
.verdicts li { display: grid; grid-template-columns: 12em 13em 1fr; gap: 0 14px; align-items: baseline; }
.chip { white-space: nowrap; font-weight: 600; }
i.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 7px; background: var(--none); }
i.good { background: var(--good); } i.even { background: var(--even); } i.uneasy { background: var(--uneasy); }
i.bad { background: var(--bad); } i.young { background: var(--k0); } .words .chip { font-weight: 400; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
svg .box { fill: var(--band); stroke: var(--line); } svg .missing { fill: none; stroke-dasharray: 5 4; }
svg .nothing { fill: none; stroke: var(--line); stroke-dasharray: 2 3; } svg .faint { fill: var(--soft); text-anchor: middle; }
svg .name { font-size: 14px; font-weight: 650; fill: var(--ink); } svg .strong { fill: var(--ink); }
svg .arrow { fill: none; stroke: var(--soft); stroke-width: 1.5; } svg .tip { fill: var(--soft); }
svg .dot { fill: var(--none); } svg .good { fill: var(--good); } svg .even { fill: var(--even); }
svg .young { fill: var(--k0); } svg .uneasy { fill: var(--uneasy); } svg .bad { fill: var(--bad); }
svg .none { fill: var(--none); }
svg .band { fill: var(--band); } svg .grid { stroke: var(--line); fill: none; }
svg .reference { stroke: var(--soft); stroke-dasharray: 5 4; fill: none; }
svg .tick, svg .stage { text-anchor: middle; font-variant-numeric: tabular-nums; } svg .stage { font-weight: 600; }
svg .right { text-anchor: end; } svg .start { text-anchor: start; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; } svg .dot-only { stroke-width: 6; }
svg .k0 { stroke: var(--k0); } svg .k1 { stroke: var(--k1); } svg .k2 { stroke: var(--k2); } svg .k3 { stroke: var(--k3); }
svg .mark path { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3; fill: none; opacity: 0.7; }
svg .mark circle { fill: var(--ink); }
svg .mark text { fill: var(--paper); font-size: 10.5px; font-weight: 700; text-anchor: middle; }
svg .on-verdict { fill: var(--on); font-size: 10.5px; font-weight: 600; text-anchor: middle; }
svg .bar { fill: var(--k0); } svg .rail { fill: var(--line); } svg .floor { fill: var(--ink); }
.legend, .events { list-style: none; margin: 0 0 4px; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 18px;
  color: var(--soft); font-size: 13.5px; }
.legend b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
.key { display: inline-block; width: 16px; height: 3px; border-radius: 2px; margin: 0 6px 4px 0; }
.key.k0 { background: var(--k0); } .key.k1 { background: var(--k1); }
.key.k2 { background: var(--k2); } .key.k3 { background: var(--k3); }
.events { display: grid; gap: 4px; margin-top: 14px; }
.events li { display: grid; grid-template-columns: auto 1fr; align-items: start; max-width: 90ch; }
.events b { display: inline-block; min-width: 18px; padding: 0 4px; margin: 1px 8px 0 0; border-radius: 9px; text-align: center;
  background: var(--ink); color: var(--paper); font-size: 11px; line-height: 18px; }
.scroll { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 5px 20px 5px 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: middle;
  white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th.left, td.left { text-align: left; }
td svg { width: 120px; min-width: 120px; }
details { border-bottom: 1px solid var(--line); padding: 8px 0; } summary { cursor: pointer; font-weight: 600; }
details > :last-child { margin-bottom: 8px; }
.narrow { display: none; }
footer { margin-top: 40px; color: var(--soft); font-size: 13.5px; }
@media (max-width: 720px) {
  body { padding: 20px 16px 48px; } h1 { font-size: 26px; } .wide { display: none; } .narrow { display: block; }
  .verdicts li { grid-template-columns: auto 1fr; } .verdicts li > :last-child { grid-column: 1 / -1; }
  .chain svg { margin: 0 auto; }
}
@media print { nav { display: none; } section { break-inside: avoid; } }
"""
