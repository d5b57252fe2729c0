import type { ContenderName } from '../contenders.ts';
import { median } from '../measure.ts';

/** Instructions, of the process that is measured (`own`) and of the machine with kernel, peer and all (`whole`). */
export type Count = ProbeCount | TakeoverCount | BytesCount | MessageCount | ConnectionCount;

/** Of the trials on loopback that a process makes once for each thread. */
interface ProbeCount {
  readonly kind: 'probe';
  readonly own: number;
}

/** Of a system call that a connection takes for the kernel's TLS in both directions; `close`: what its end takes more. */
export interface TakeoverCount {
  readonly kind: 'takeover';
  readonly call: 'TCP_ULP' | 'TLS_TX' | 'TLS_RX' | 'close';
  readonly own: number;
}

/** A byte of a long transfer, written `chunk` bytes at a time. */
export interface BytesCount {
  readonly kind: 'bytes';
  readonly suite: string;
  readonly contender: ContenderName;
  readonly way: 'receive' | 'send' | 'file';
  readonly chunk: number;
  readonly own: number;
  readonly whole: number;
}

/** A message sent and its echo received. */
export interface MessageCount {
  readonly kind: 'message';
  readonly contender: ContenderName;
  readonly size: number;
  readonly own: number;
}

/** A connection with a full handshake that carries so many bytes. */
interface ConnectionCount {
  readonly kind: 'connection';
  readonly contender: ContenderName;
  readonly way: 'receive' | 'send';
  readonly bytes: number;
  readonly own: number;
}

/** One of each: what was counted more than once becomes its median. */
export function medians(counts: readonly Count[]): Count[] {
  const firsts = counts.filter((count, at) => counts.findIndex((one) => subjectOf(one) === subjectOf(count)) === at);
  return firsts.map((first) => {
    const same = counts.filter((count) => subjectOf(count) === subjectOf(first));
    const own = median(same.map((count) => count.own));
    return first.kind === 'bytes' ? { ...first, own, whole: median(same.flatMap(wholeOf)) } : { ...first, own };
  });
}

/** What was counted, without how much it was. */
function subjectOf(count: Count): string {
  return JSON.stringify({ ...count, own: undefined, whole: undefined });
}

function wholeOf(count: Count): number[] {
  return count.kind === 'bytes' ? [count.whole] : [];
}
