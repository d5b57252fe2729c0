import { loadAddon } from '../../../src/platform/addon/addon.ts';
import type { KernelCalls } from '../../../src/platform/kernel/kernel-calls.ts';
import { attachUlp, installKeys } from '../../../src/platform/kernel/kernel-tls.ts';
import type { TrafficKeys } from '../../../src/record/traffic-keys.ts';
import type { TakeoverCount } from './count.ts';

/** What the system calls take that put a connection under the kernel's TLS, and what its end takes more. */
export function countTakeover(times: number): TakeoverCount[] {
  const loaded = loadAddon();
  if ('refused' in loaded) throw new Error(loaded.refused);
  const { kernel } = loaded.addon;
  if (!kernel) throw new Error('kernel TLS is Linux only');
  // First for nobody to count: what is compiled and allocated then serves all.
  countCalls(kernel, times, true);
  const { ends: plainEnds } = countCalls(kernel, times, false);
  const { ulp, write, read, ends } = countCalls(kernel, times, true);
  return [
    { kind: 'takeover', call: 'TCP_ULP', own: ulp },
    { kind: 'takeover', call: 'TLS_TX', own: write },
    { kind: 'takeover', call: 'TLS_RX', own: read },
    { kind: 'takeover', call: 'close', own: ends - plainEnds },
  ];
}

/** Of one connection. */
interface Calls {
  ulp: number;
  write: number;
  read: number;
  ends: number;
}

function countCalls(kernel: KernelCalls, times: number, takesOver: boolean): Calls {
  const calls: Calls = { ulp: 0, write: 0, read: 0, ends: 0 };
  let last = 0;
  const add = (call: keyof Calls): void => {
    calls[call] += (now() - last) / times;
    last = now();
  };
  for (let i = 0; i < times; i++) {
    const pair = kernel.loopbackPair();
    if (typeof pair === 'number') throw new Error('there is no loopback');
    const [descriptor] = pair;
    last = now();
    if (takesOver) {
      const refusedUlp = attachUlp(kernel, descriptor);
      add('ulp');
      const refusedWrite = installKeys(kernel, descriptor, 'write', keys);
      add('write');
      const refusedRead = installKeys(kernel, descriptor, 'read', keys);
      add('read');
      const refused = refusedUlp ?? refusedWrite ?? refusedRead;
      if (refused) throw new Error(refused.refused);
    }
    for (const end of pair) kernel.closeFd(end);
    add('ends');
  }
  return calls;
}

/** Instructions of this process until now. */
function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

const keys: TrafficKeys = {
  version: 0x0304,
  aead: 'aes-128-gcm',
  key: new Uint8Array(16),
  iv: new Uint8Array(12),
  sequenceNumber: 0n,
};
