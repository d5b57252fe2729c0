/** The page's looks, light and dark. */
export const pageStyle: string = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f5f6f8, #0e1116);
  --card: light-dark(#ffffff, #161b22);
  --edge: light-dark(#dfe3e8, #262d37);
  --text: light-dark(#1b2129, #e4e9f0);
  --soft: light-dark(#5b6673, #93a0b0);
  --faint: light-dark(#e9ecf0, #222933);
  --kernel: light-dark(#12855a, #3ecf8e);
  --native: light-dark(#3465d6, #6f9bff);
  --wasm: light-dark(#a9781c, #d9a441);
  --out: light-dark(#7a3ff2, #b392ff);
  --in: light-dark(#c2501a, #ff9a62);
  --bad: light-dark(#c22b3c, #ff6f7d);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--text); padding: 0 clamp(12px, 3vw, 32px) 48px; }
main, .top { max-width: 1180px; margin-inline: auto; }
.top { display: flex; align-items: center; gap: 16px; padding: 20px 0 16px; flex-wrap: wrap; }
.brand { display: flex; align-items: center; gap: 10px; }
.mark { width: 14px; height: 14px; border-radius: 4px; background: linear-gradient(135deg, var(--kernel), var(--native)); }
h1 { font-size: 17px; font-weight: 500; letter-spacing: -.01em; }
.serves { font-family: var(--mono); font-size: 12.5px; color: var(--soft); overflow-wrap: anywhere; }
.link { margin-left: auto; font-size: 12.5px; color: var(--soft); display: flex; align-items: center; gap: 7px; }
.link::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--wasm); }
.link.live::before { background: var(--kernel); box-shadow: 0 0 0 3px color-mix(in srgb, var(--kernel) 22%, transparent); }
.link.lost::before { background: var(--bad); }

.overview { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
.tile { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 12px 14px; min-width: 0; }
.tile h2 { font-size: 12px; font-weight: 500; color: var(--soft); }
.tile p { font-size: 22px; font-weight: 600; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tile small { font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }

.legend { display: flex; flex-wrap: wrap; gap: 6px 16px; margin: 18px 2px 10px; font-size: 12px; color: var(--soft); }
.legend span { display: flex; align-items: center; gap: 6px; }
.legend .end { margin-left: auto; }
.swatch { width: 14px; height: 8px; border-radius: 2px; }
.swatch.kernel, .segment.kernel { background: var(--kernel); }
.swatch.native, .segment.native { background: var(--native); }
.swatch.wasm, .segment.wasm { background: var(--wasm); }
.line { width: 14px; height: 2px; border-radius: 1px; }
.line.out { background: var(--out); }
.line.in { background: var(--in); }

.card { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 14px 16px; margin-bottom: 10px; }
.card.over { opacity: .72; }
.card.failed { border-color: color-mix(in srgb, var(--bad) 45%, var(--edge)); }
.head { display: flex; align-items: baseline; gap: 6px 12px; flex-wrap: wrap; }
.dot { width: 8px; height: 8px; border-radius: 50%; align-self: center; background: var(--soft); flex: none; }
.open .dot { background: var(--kernel); }
.handshake .dot { background: var(--wasm); }
.failed .dot { background: var(--bad); }
.peer { font: 600 13.5px var(--mono); }
.name { color: var(--soft); overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 6px; }
.chip { font-size: 11.5px; padding: 1px 7px; border-radius: 5px; background: var(--faint); color: var(--soft); overflow-wrap: anywhere; }
.chip.strong { color: var(--text); }
.state { margin-left: auto; font-size: 12.5px; color: var(--soft); font-variant-numeric: tabular-nums; }
.failed .state { color: var(--bad); }
.body { display: grid; grid-template-columns: minmax(0, 1fr) 320px; gap: 12px 28px; margin-top: 12px; }
.row { display: grid; grid-template-columns: 74px minmax(0, 1fr) 132px; gap: 10px; align-items: center; min-height: 26px; font-size: 12.5px; }
.row > :first-child { color: var(--soft); }
.row > :last-child { color: var(--soft); font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.row b { font-weight: 600; color: var(--text); }
.row b.kernel { color: var(--kernel); }
.row b.native { color: var(--native); }
.row b.wasm { color: var(--wasm); }
.track { position: relative; height: 10px; border-radius: 5px; background: var(--faint); }
.track .bars { position: absolute; inset: 0; border-radius: 5px; overflow: hidden; }
.segment { position: absolute; inset-block: 0; min-width: 2px; }
.track.phases .segment { background: var(--soft); opacity: .3; }
.tick { position: absolute; inset-block: -3px; width: 2px; margin-left: -1px; border-radius: 1px; background: var(--text); }
.tick.request { background: var(--soft); opacity: .55; inset-block: -2px; }
.legend .tick { position: static; height: 12px; margin: 0; }
.tick.kernel { background: var(--kernel); }
.tick.native { background: var(--native); }
.tick.end { background: var(--bad); }
.reason { font-size: 12px; color: var(--soft); margin: 2px 0 0 84px; overflow-wrap: anywhere; }
.flow { min-width: 0; }
.spark { display: block; width: 100%; height: 56px; }
.spark .stroke { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.spark .out { stroke: var(--out); fill: var(--out); }
.spark .in { stroke: var(--in); fill: var(--in); }
.spark .stroke.out, .spark .stroke.in { fill: none; }
.spark .area.out, .spark .area.in { fill-opacity: .14; stroke: none; }
.spark .base { stroke: var(--edge); stroke-width: 1; vector-effect: non-scaling-stroke; }
.amounts { display: flex; gap: 4px 16px; flex-wrap: wrap; font-size: 12.5px; color: var(--soft); font-variant-numeric: tabular-nums; margin-top: 4px; }
.amounts b { font-weight: 600; color: var(--text); }
.amounts .out b { color: var(--out); }
.amounts .in b { color: var(--in); }
.amounts .peak { margin-left: auto; }
details { margin-top: 8px; font-size: 12.5px; }
summary { cursor: pointer; color: var(--soft); width: fit-content; }
.marks { list-style: none; padding: 6px 0 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 1px 14px; }
.marks li { display: contents; }
.marks time { font: 12px/1.6 var(--mono); color: var(--soft); text-align: right; }
.marks span { overflow-wrap: anywhere; }
.empty { text-align: center; color: var(--soft); padding: 56px 0; }
.empty[hidden] { display: none; }
@media (max-width: 820px) {
  .body { grid-template-columns: minmax(0, 1fr); }
  .row { grid-template-columns: 68px minmax(0, 1fr) 104px; }
  .reason { margin-left: 0; }
  .legend .end { margin-left: 0; }
}
`;
