import { describe, expect, test } from 'vitest';
import { chart } from './chart.ts';
import { withBlock } from './document.ts';
import type { Count } from './kernel/count.ts';
import { countRows } from './kernel/rows.ts';
import { breakEvens, useTables } from './kernel/use.ts';
import { inTurns, makeRow, median, meetsGoal, type Row, spread } from './measure.ts';
import { inOrder, joined } from './results.ts';
import { figure, lines, markdownTable } from './tables.ts';

const row: Row = makeRow({
  name: 'bulk',
  unit: 'MB/s',
  better: 'more',
  samples: {
    native: [150, 100, 240].map((figure) => ({ figure, processor: figure * 2, thread: figure })),
    'node:tls': [100, 100, 120].map((figure) => ({ figure, processor: figure, thread: figure })),
  },
  goals: { native: { ratio: 1.5 } },
});

describe('figures', () => {
  test('the median is in the middle, or between the two that are', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('of nothing, or of what is no number, there is no spread', () => {
    expect(spread([])).toBeUndefined();
    expect(spread([1, Number.NaN])).toBeUndefined();
    expect(spread([2, 9, 4])).toEqual({ median: 4, least: 2, most: 9 });
  });

  test('ratios are made round by round', () => {
    const [native, nodes] = row.subjects;
    expect(native?.ratio).toEqual({ median: 1.5, least: 1, most: 2 });
    expect(native?.processorRatio?.median).toBe(3);
    expect(native?.threadRatio?.median).toBe(1.5);
    expect(nodes?.ratio).toBeUndefined();
  });

  test('where the processor was not watched there is no ratio of its time', () => {
    const { subjects } = makeRow({ ...row, samples: { native: [{ figure: 1 }], 'node:tls': [{ figure: 2 }] } });
    expect(subjects[0]).toEqual({
      contender: 'native',
      figure: { median: 1, least: 1, most: 1 },
      ratio: { median: 0.5, least: 0.5, most: 0.5 },
    });
  });

  test.each([
    { better: 'more', goal: { ratio: 1.5 }, met: true },
    { better: 'more', goal: { ratio: 1.51 }, met: false },
    { better: 'less', goal: { ratio: 1.51 }, met: true },
    { better: 'less', goal: { figure: 149 }, met: false },
    { better: 'less', goal: { figure: 150 }, met: true },
  ] as const)('a goal of $goal where $better is better: $met', ({ better, goal, met }) => {
    const { goal: _, ...subject } = row.subjects[0] ?? { figure: { median: 0, least: 0, most: 0 }, contender: '' };
    expect(meetsGoal({ better }, { ...subject, goal })).toBe(met);
    expect(meetsGoal({ better }, subject)).toBeUndefined();
  });

  test('each round has each contender once', async () => {
    const order: string[] = [];
    const results = await inTurns({ a: 1, b: 2, c: 3 }, 4, async (value, name) => {
      order.push(name);
      return value;
    });
    expect(results).toEqual({ a: [1, 1, 1, 1], b: [2, 2, 2, 2], c: [3, 3, 3, 3] });
    for (let round = 0; round < 4; round++)
      expect(order.slice(round * 3, round * 3 + 3).sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('a report', () => {
  test('has a line for each contender', () => {
    expect(lines(row)).toEqual([
      ['bulk', 'native', '150', '100–240', 'MB/s', '1.50', '1.00–2.00', '3.00', '1.50', '≥ 1.5 × ✓'],
      ['', 'node:tls', '100', '100–120', 'MB/s', '', '', '', '', ''],
    ]);
  });

  test('has a table in Markdown whose lines have as many cells as its head', () => {
    const [head = '', ...rest] = markdownTable([row]).split('\n');
    expect(rest).toHaveLength(3);
    for (const line of rest) expect(line.split('|').length).toBe(head.split('|').length);
  });

  test('rounds to what says something', () => {
    expect([1234.5, 56.78, 1.234].map(figure)).toEqual(['1235', '56.8', '1.23']);
  });

  test('puts a layer measured elsewhere beside the others', () => {
    const [native, nodes] = row.subjects;
    if (!native || !nodes) throw new Error('there are two');
    const elsewhere = { ...row, subjects: [{ ...native, contender: 'node:crypto' }, nodes] };
    const [both, ...none] = joined([row, elsewhere]);
    expect(none).toEqual([]);
    expect(both?.subjects.map(({ contender }) => contender)).toEqual(['native', 'node:tls', 'node:crypto']);
  });

  test('has its parts in the same order, whatever was measured last', () => {
    const parts = { heap: [], other: [], requests: [], bulk: [] };
    expect(inOrder(parts).map(([name]) => name)).toEqual(['bulk', 'requests', 'heap', 'other']);
  });

  test('replaces what is between two comments of a document, and nothing else', () => {
    const text = 'a <!-- begin x --> old <!-- end x --> b';
    expect(withBlock(text, 'x', 'new')).toBe('a <!-- begin x -->\n\nnew\n\n<!-- end x --> b');
    expect(withBlock(withBlock(text, 'x', 'other'), 'x', 'new')).toBe(withBlock(text, 'x', 'new'));
    expect(() => withBlock(text, 'y', 'new')).toThrow('no place for y');
  });

  test('draws every row and goal, and escapes names', () => {
    const svg = chart({ parts: { bulk: [row, { ...row, name: '<less>', better: 'less' }] } });
    expect(svg.match(/<circle/g)).toHaveLength(3);
    expect(svg).toContain('&lt;less&gt;');
    expect(svg).not.toContain('NaN');
    expect(svg).toContain('prefers-color-scheme:dark');
  });

  test('draws rows that are points of a curve as one, by contender, and not as ratios', () => {
    const points = [100, 0].map((at) => ({ ...row, name: `${at} of it`, point: { of: '<what>', at, by: 'of it' } }));
    const svg = chart({ parts: { storm: points } });
    expect(svg.match(/class="curve" d="M60 [\d.]+L460 [\d.]+"/g)).toHaveLength(2);
    expect(svg).toContain('&lt;what&gt;, ');
    expect(svg).not.toContain('100 of it');
    expect(svg).not.toContain('NaN');
  });
});

describe('counts of the emulated machine', () => {
  const bytes = { kind: 'bytes', suite: 'AES-128-GCM', chunk: 65_536, whole: 9 } as const;
  const connection = { kind: 'connection', bytes: 1024 } as const;
  const counts: Count[] = [
    { kind: 'probe', own: 30_000_000 },
    { kind: 'takeover', call: 'TCP_ULP', own: 2_100 },
    { kind: 'takeover', call: 'TLS_TX', own: 20_000 },
    { kind: 'takeover', call: 'TLS_RX', own: 27_900 },
    { ...bytes, way: 'receive', contender: 'kernel', own: 3 },
    { ...bytes, way: 'receive', contender: 'native', own: 5 },
    { ...bytes, way: 'receive', contender: 'node:tls', own: 6 },
    { ...bytes, way: 'send', contender: 'kernel', own: 4 },
    { ...bytes, way: 'send', contender: 'native', own: 3.5 },
    { ...connection, way: 'receive', contender: 'kernel', own: 2_200_000 },
    { kind: 'message', contender: 'kernel', size: 64, own: 70_000 },
  ];

  test('become rows with goals', () => {
    const [receive] = countRows(counts.filter((count) => !(count.kind === 'bytes' && count.way === 'send')));
    const kernel = receive?.subjects.find(({ contender }) => contender === 'kernel');
    expect(kernel?.ratio?.median).toBe(0.5);
    expect(kernel?.goal).toEqual({ ratio: 0.6 });
  });

  test('of several machines are told by their median, and what they do not agree on is chance', () => {
    const again = (way: 'receive' | 'send', contender: 'kernel' | 'native' | 'node:tls', own: number) =>
      ({ ...bytes, way, contender, own }) as const;
    const more = [
      ...counts,
      again('receive', 'kernel', 5),
      again('receive', 'native', 4),
      again('receive', 'node:tls', 8),
    ];
    const [receive] = countRows(more.filter((count) => !(count.kind === 'bytes' && count.way === 'send')));
    const kernel = receive?.subjects.find(({ contender }) => contender === 'kernel');
    expect(kernel?.figure).toEqual({ median: 4, least: 3, most: 5 });
    expect(breakEvens(more)[0]).toMatchObject({ way: 'receive', saved: 0.5, bytes: undefined });
    expect(useTables(more)).toContain('| receive 65536 | 4.00 | 4.50 | 7.00 |');
    expect(useTables(more)).toContain(
      'To receive: the kernel takes 30,000 instructions to take over and sometimes saves',
    );
  });

  test('say from how many bytes on the kernel is worth it, and that it never is', () => {
    expect(breakEvens(counts)).toEqual([
      { way: 'receive', takeover: 30_000, saved: 2, bytes: 15_000 },
      { way: 'send', takeover: 22_100, saved: -0.5, bytes: Number.POSITIVE_INFINITY },
    ]);
    expect(useTables(counts)).toContain('it pays from 15 KB on');
    expect(useTables(counts)).toContain('it never pays');
    expect(useTables(counts)).toContain('`TCP_ULP` 2,000');
  });
});
