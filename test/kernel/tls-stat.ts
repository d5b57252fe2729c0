import { readFileSync } from 'node:fs';

/** The kernel's counters of its TLS (Documentation/networking/tls.rst, "Statistics"): what it really did. */
export type TlsStat = Readonly<Record<string, number>>;

function tlsStat(): TlsStat {
  const lines = readFileSync('/proc/net/tls_stat', 'utf8').trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', count] = line.split(/\s+/);
      return [name, Number(count)];
    }),
  );
}

/** What has been counted since `before`, without what has not changed. */
export function since(before: TlsStat): TlsStat {
  const changes = Object.entries(tlsStat()).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

/** The counters when no socket is left under TLS: closing them is not instant. */
export async function idle(): Promise<TlsStat> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const stat = tlsStat();
    if (stat.TlsCurrTxSw === 0 && stat.TlsCurrRxSw === 0) return stat;
    if (performance.now() > deadline) throw new Error(`sockets are left: ${JSON.stringify(stat)}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** {@link since}, once nothing is left under TLS. */
export async function settled(before: TlsStat): Promise<TlsStat> {
  await idle();
  return since(before);
}
