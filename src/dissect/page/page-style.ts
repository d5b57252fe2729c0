/** The page's looks, light and dark. */
export const pageStyle: string = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f5f6f8, #0e1116);
  --card: light-dark(#ffffff, #161b22);
  --edge: light-dark(#dfe3e8, #262d37);
  --text: light-dark(#1b2129, #e4e9f0);
  --soft: light-dark(#5b6673, #93a0b0);
  --faint: light-dark(#eef0f3, #1d232c);
  --client: light-dark(#7a3ff2, #b392ff);
  --server: light-dark(#c2501a, #ff9a62);
  --handshake: light-dark(#3465d6, #6f9bff);
  --data: light-dark(#12855a, #3ecf8e);
  --other: light-dark(#a9781c, #d9a441);
  --closed: light-dark(#c22b3c, #ff6f7d);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--text); padding: 0 clamp(12px, 3vw, 32px) 40px; }
main, .top, footer { max-width: 1180px; margin-inline: auto; }
.top { display: flex; align-items: center; gap: 10px; padding: 20px 0 16px; flex-wrap: wrap; }
.mark { width: 14px; height: 14px; border-radius: 4px; background: linear-gradient(135deg, var(--client), var(--server)); }
h1 { font-size: 17px; font-weight: 500; letter-spacing: -.01em; }
.file { font: 12.5px var(--mono); color: var(--soft); overflow-wrap: anywhere; margin-left: 6px; }
.overview { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin-bottom: 14px; }
.tile { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 12px 14px; min-width: 0; }
.tile h2 { font-size: 12px; font-weight: 500; color: var(--soft); }
.tile p { font-size: 22px; font-weight: 600; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tile small { font-size: 12px; color: var(--soft); }
.controls { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 6px 28px; padding: 10px 2px; font-size: 12.5px; color: var(--soft); background: color-mix(in srgb, var(--ground) 92%, transparent); backdrop-filter: blur(6px); }
fieldset { border: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; }
legend { float: left; margin-right: 2px; }
label { display: flex; align-items: center; gap: 6px; color: var(--text); cursor: pointer; }
input { accent-color: var(--handshake); margin: 0; }
.swatch { width: 12px; height: 8px; border-radius: 2px; }
.swatch.handshake { background: var(--handshake); }
.swatch.data { background: var(--data); }
.swatch.other { background: var(--other); }
.swatch.closed { background: var(--closed); }

.card { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; margin-bottom: 10px; overflow: clip; }
.card > summary { display: grid; gap: 4px 16px; grid-template-columns: minmax(0, 1fr) auto; padding: 12px 16px; cursor: pointer; list-style: none; }
.card > summary::-webkit-details-marker, .record > summary::-webkit-details-marker { display: none; }
.card > summary:hover { background: var(--faint); }
.card[open] > summary { border-bottom: 1px solid var(--edge); }
.who { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 10px; min-width: 0; }
.dot { width: 8px; height: 8px; border-radius: 50%; align-self: center; flex: none; background: var(--other); }
.dot.whole { background: var(--data); }
.ends { font: 600 13.5px var(--mono); overflow-wrap: anywhere; }
.ends i { font-style: normal; color: var(--soft); font-weight: 400; }
.name { color: var(--soft); overflow-wrap: anywhere; }
.chips { display: flex; flex-wrap: wrap; gap: 4px 6px; justify-content: end; align-items: center; }
.chip { font-size: 11.5px; padding: 1px 7px; border-radius: 5px; background: var(--faint); color: var(--text); overflow-wrap: anywhere; }
.sums { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 12.5px; color: var(--soft); font-variant-numeric: tabular-nums; padding-left: 18px; }
.sums .client, .from.client, .epoch.client b { color: var(--client); }
.sums .server, .from.server, .epoch.server b { color: var(--server); }
.problem { font-size: 12.5px; padding: 7px 16px; border-left: 3px solid var(--closed); background: color-mix(in srgb, var(--closed) 7%, transparent); overflow-wrap: anywhere; }
main > .problem { margin-bottom: 10px; border-radius: 4px; }
.lanes { display: grid; grid-template: 1fr 1fr auto / 52px minmax(0, 1fr); font-size: 11.5px; color: var(--soft); padding: 12px 16px; align-items: center; }
.lanes .timeline { grid-area: 1 / 2 / 3 / 3; width: 100%; height: 72px; display: block; background: var(--faint); border-radius: 6px; }
.scale { grid-area: 3 / 2; display: flex; justify-content: space-between; padding-top: 3px; font-variant-numeric: tabular-nums; }
.axis { stroke: var(--edge); vector-effect: non-scaling-stroke; }
.bar.handshake { fill: var(--handshake); }
.bar.data { fill: var(--data); }
.bar.other { fill: var(--other); }
.bar.closed { fill: var(--closed); }
.shade { fill: none; }
.shade.s1 { fill: color-mix(in srgb, var(--soft) 9%, transparent); }
.shade.s2 { fill: color-mix(in srgb, var(--soft) 20%, transparent); }

.records { border-top: 1px solid var(--edge); }
.record > summary, .record.flat > div { display: grid; grid-template-columns: 86px 72px 136px 104px 74px minmax(0, 1fr) 10px; gap: 12px; padding: 3px 16px; font-size: 12.5px; align-items: baseline; list-style: none; border-left: 3px solid transparent; }
.record > summary { cursor: pointer; }
.record > summary::after { content: "›"; color: var(--soft); text-align: center; }
.record[open] > summary::after { transform: rotate(90deg); }
.record > summary:hover { background: var(--faint); }
.record.handshake > * { border-left-color: var(--handshake); }
.record.data > * { border-left-color: var(--data); }
.record.other > * { border-left-color: var(--other); }
.record.closed > * { border-left-color: var(--closed); }
.time, .size, .place { font-variant-numeric: tabular-nums; color: var(--soft); text-align: right; white-space: nowrap; }
.from { white-space: nowrap; }
.type { color: var(--soft); }
.place { font-family: var(--mono); font-size: 12px; }
.says { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.data .says { font: 12px var(--mono); }
.record[open] > summary { background: var(--faint); }
pre { font: 12px/1.55 var(--mono); padding: 10px 16px 12px 24px; max-height: 420px; overflow: auto; border-left: 3px solid transparent; tab-size: 8; }
pre.text { white-space: pre-wrap; overflow-wrap: anywhere; }
pre.hex { display: none; }
body:has(#as-hex:checked) pre.hex { display: block; }
body:has(#as-hex:checked) pre.text { display: none; }
body:has(#show-handshake:not(:checked)) .record.handshake,
body:has(#show-data:not(:checked)) .record.data,
body:has(#show-other:not(:checked)) .record.other,
body:has(#show-closed:not(:checked)) .record.closed { display: none; }
.epoch { display: flex; align-items: center; gap: 6px; padding: 6px 16px 2px 19px; font-size: 11.5px; color: var(--soft); }
.epoch::after { content: ""; flex: 1; height: 1px; background: var(--edge); margin-left: 6px; }
.left { font-size: 12px; color: var(--soft); padding: 2px 16px 8px 24px; }
.empty { text-align: center; color: var(--soft); padding: 56px 0; }
footer { font-size: 12px; color: var(--soft); padding-top: 14px; }
@media (max-width: 820px) {
  .card > summary { grid-template-columns: minmax(0, 1fr); }
  .chips { justify-content: start; padding-left: 18px; }
  .record > summary, .record.flat > div { grid-template-columns: 78px 66px 96px minmax(0, 1fr) 10px; gap: 8px; }
  .type, .size { display: none; }
}
`;
