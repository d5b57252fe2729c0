import { baseline } from './measure.ts';

export function text(x: number, y: number, content: string, kind: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

export function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** By contender, in the order of the legend. */
export const styles: Readonly<Record<string, string>> = {
  native: 'native',
  'one thread': 'first',
  'two threads': 'second',
  kernel: 'kernel',
  'node:crypto': 'crypto',
  wasm: 'wasm',
  register: 'register',
  tcp: 'tcp',
  [baseline]: 'base',
};

/** By style, on white and on black. */
const colours: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  native: ['#0969da', '#4493f8'],
  first: ['#bf3989', '#db61a2'],
  second: ['#cf222e', '#f85149'],
  kernel: ['#1a7f37', '#3fb950'],
  crypto: ['#9a6700', '#d29922'],
  wasm: ['#8250df', '#ab7df8'],
  register: ['#1b7c83', '#39c5cf'],
  tcp: ['#818b98', '#9198a1'],
  base: ['#1f2328', '#f0f6fc'],
};

export const css = [
  'text{font:12px system-ui,sans-serif;fill:#1f2328}.strong{font-weight:600;font-size:13px}.small{font-size:11px;fill:#59636e}',
  '.grid,.one{stroke:#d1d9e0}.one{stroke:#59636e;stroke-width:1.5}.goal{stroke:#1f2328;stroke-width:2.5}',
  '.range{stroke-width:2;stroke-opacity:.55}.curve{fill:none;stroke-width:2}',
  ...Object.entries(colours).map(([name, [light]]) => coloured(name, light)),
  '@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.grid{stroke:#3d444d}.one{stroke:#9198a1}.goal{stroke:#f0f6fc}',
  ...Object.entries(colours).map(([name, [, dark]]) => coloured(name, dark)),
  '}',
].join('');

function coloured(name: string, colour: string): string {
  return `.${name} circle{fill:${colour}}.${name} .range,.${name} .curve,.goal.${name}{stroke:${colour}}`;
}
