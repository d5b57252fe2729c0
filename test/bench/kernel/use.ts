import { spread } from '../measure.ts';
import { table } from '../tables.ts';
import { type BytesCount, type Count, type MessageCount, medians } from './count.ts';

/** When the kernel is worth it: sizes of writes, of messages, and of connections; in Markdown. */
export function useTables(all: readonly Count[]): string {
  const counts = medians(all);
  return [
    takeoverText(counts),
    'Instructions a byte, by the size of the writes (AES-128-GCM):',
    bytesTable(counts.filter((count) => count.kind === 'bytes')),
    'Thousands of instructions a message, there and back:',
    messageTable(counts.filter((count) => count.kind === 'message')),
    'Millions of instructions a connection, its handshake included, by what it carries, some 2 million apart by chance:',
    connectionTable(counts),
    ...breakEvens(all).map(breakEvenText),
  ].join('\n\n');
}

/** How many bytes a connection must carry in a direction so that the kernel is cheaper than `native`. */
export interface BreakEven {
  readonly way: BytesCount['way'];
  /** Instructions of the system calls for this direction. A handshake's own count differs by more than that from one to the next. */
  readonly takeover: number;
  /** Instructions a byte that the kernel saves; negative: it takes more. */
  readonly saved: number;
  /** Infinity: never. Undefined: on some machines it saves and on others it does not, so that this is chance. */
  readonly bytes: number | undefined;
}

export function breakEvens(counts: readonly Count[]): BreakEven[] {
  return (['receive', 'send', 'file'] as const).flatMap((way) => {
    const long = counts.filter((one) => isLong(one, way));
    const [kernel = [], native = []] = (['kernel', 'native'] as const).map((name) =>
      long.flatMap(({ contender, own }) => (contender === name ? [own] : [])),
    );
    const saved = spread(kernel.map((own, machine) => (native[machine] ?? NaN) - own));
    if (!saved) return [];
    const calls = ['TCP_ULP', way === 'receive' ? 'TLS_RX' : 'TLS_TX', 'close'];
    const takeover = medians(counts)
      .filter((count) => count.kind === 'takeover')
      .filter(({ call }) => calls.includes(call))
      .reduce((sum, { own }) => sum + own, 0);
    const bytes = saved.median > 0 ? takeover / saved.median : Number.POSITIVE_INFINITY;
    const isChance = saved.least < 0 && saved.most > 0;
    return [{ way, takeover, saved: saved.median, bytes: isChance ? undefined : bytes }];
  });
}

function takeoverText(counts: readonly Count[]): string {
  const calls = counts
    .filter((count) => count.kind === 'takeover')
    .map(({ call, own }) => `\`${call}\` ${thousands(own)}`);
  const probe = counts.filter((count) => count.kind === 'probe').map(({ own }) => `the trials ${thousands(own)}`);
  return `Instructions of the system calls: ${[...calls, ...probe].join(', ')}, the last once in a thread.`;
}

function isLong(count: Count, way: string): count is BytesCount {
  return count.kind === 'bytes' && count.way === way && count.chunk === longChunk && count.suite === 'AES-128-GCM';
}

function breakEvenText({ way, takeover, saved, bytes }: BreakEven): string {
  const start = `${titles[way]}: the kernel takes ${thousands(takeover)} instructions to take over and`;
  if (bytes === undefined) return `${start} sometimes saves and sometimes does not, so that nothing speaks for it.`;
  const verdict = Number.isFinite(bytes)
    ? `so that it pays from ${Math.ceil(bytes / 1000)} KB on`
    : 'so that it never pays against `native`';
  const byte = saved > 0 ? `saves ${saved.toFixed(2)} a byte` : `costs ${(-saved).toFixed(2)} a byte more`;
  return `${start} ${byte}, ${verdict}.`;
}

function thousands(value: number): string {
  return (Math.round(value / 1000) * 1000).toLocaleString('en');
}

function bytesTable(counts: readonly BytesCount[]): string {
  const own = counts.filter(({ suite }) => suite === 'AES-128-GCM');
  const keys = [...new Set(own.map(({ way, chunk }) => `${way} ${chunk}`))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  return byContender(
    'writes of',
    keys.map((key) => ({ name: key, of: own.filter(({ way, chunk }) => `${way} ${chunk}` === key) })),
    (value) => value.toFixed(2),
  );
}

function messageTable(counts: readonly MessageCount[]): string {
  const sizes = [...new Set(counts.map(({ size }) => size))];
  return byContender(
    'bytes',
    sizes.map((size) => ({ name: `${size}`, of: counts.filter((one) => one.size === size) })),
    (value) => (value / 1000).toFixed(0),
  );
}

function connectionTable(counts: readonly Count[]): string {
  const own = counts.filter((count) => count.kind === 'connection');
  const keys = [...new Set(own.map(({ way, bytes }) => `${way} ${bytes}`))];
  return byContender(
    'bytes',
    keys.map((key) => ({ name: key, of: own.filter(({ way, bytes }) => `${way} ${bytes}` === key) })),
    (value) => (value / 1e6).toFixed(2),
  );
}

function byContender(
  title: string,
  rows: readonly { name: string; of: readonly { contender: string; own: number }[] }[],
  shown: (value: number) => string,
): string {
  const contenders = ['kernel', 'native', 'node:tls'];
  const body = rows.map(({ name, of }) => {
    const values = contenders.map((contender) => of.find((one) => one.contender === contender)?.own);
    return [name, ...values.map((value) => (value === undefined ? '' : shown(value)))];
  });
  return table([[title, ...contenders], ...body]);
}

const longChunk = 65_536;
const titles = { receive: 'To receive', send: 'To send', file: 'To send a file' } as const;
