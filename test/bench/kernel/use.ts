import { table } from '../tables.ts';
import type { BytesCount, ConnectionCount, Count, MessageCount } from './count.ts';

/** When the kernel is worth it: sizes of writes, of messages, and of connections; in Markdown. */
export function useTables(counts: readonly Count[]): string {
  return [
    takeoverText(counts),
    'Instructions a byte, by the size of the writes (AES-128-GCM):',
    bytesTable(counts.filter((count) => count.kind === 'bytes')),
    'Thousands of instructions a message, there and back:',
    messageTable(counts.filter((count) => count.kind === 'message')),
    'Millions of instructions a connection, its handshake included, by what it carries:',
    connectionTable(counts),
    ...breakEvens(counts).map(breakEvenText),
  ].join('\n\n');
}

/** How many bytes a connection must carry in a direction so that the kernel is cheaper than `native`. */
export interface BreakEven {
  readonly way: 'receive' | 'send';
  /** Instructions that a connection takes more with the kernel in both directions, when it carries next to nothing. */
  readonly takeover: number;
  /** Instructions a byte that the kernel saves; negative: it takes more. */
  readonly saved: number;
  /** Infinity: never. */
  readonly bytes: number;
}

export function breakEvens(counts: readonly Count[]): BreakEven[] {
  return (['receive', 'send'] as const).flatMap((way) => {
    const [kernel, native] = (['kernel', 'native'] as const).map((contender) => ({
      byte: counts.find((one) => isLong(one, way) && one.contender === contender)?.own,
      connection: counts.find((one) => isShort(one, way) && one.contender === contender)?.own,
    }));
    if (!kernel?.byte || !native?.byte || !kernel.connection || !native.connection) return [];
    const takeover = kernel.connection - native.connection;
    const saved = native.byte - kernel.byte;
    const bytes = saved > 0 ? Math.max(0, takeover / saved) : takeover < 0 ? 0 : Number.POSITIVE_INFINITY;
    return [{ way, takeover, saved, bytes }];
  });
}

function takeoverText(counts: readonly Count[]): string {
  const thousands = (value: number): string => `${(value / 1000).toFixed(0)},000`;
  const calls = counts
    .filter((count) => count.kind === 'takeover')
    .map(({ call, own }) => `\`${call}\` ${thousands(own)}`);
  const probe = counts.filter((count) => count.kind === 'probe').map(({ own }) => `the trials ${thousands(own)}`);
  return `Instructions of the system calls: ${[...calls, ...probe].join(', ')}, the last once in a thread.`;
}

function isLong(count: Count, way: string): count is BytesCount {
  return count.kind === 'bytes' && count.way === way && count.chunk === longChunk && count.suite === 'AES-128-GCM';
}

function isShort(count: Count, way: string): count is ConnectionCount {
  return count.kind === 'connection' && count.way === way && count.bytes === shortest;
}

function breakEvenText({ way, takeover, saved, bytes }: BreakEven): string {
  const verdict = Number.isFinite(bytes)
    ? `so that it pays from ${Math.ceil(bytes / 1000)} KB on`
    : 'so that it never pays against `native`';
  const byte = saved > 0 ? `saves ${saved.toFixed(2)} a byte` : `costs ${(-saved).toFixed(2)} a byte more`;
  return `To ${way}: the kernel takes ${(takeover / 1e6).toFixed(2)} million instructions more for a connection than \`native\` and ${byte}, ${verdict}.`;
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
const shortest = 1024;
