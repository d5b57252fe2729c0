import type { SharedStore } from './shared-store.ts';

/**
 * A store in this process: for keyrings and sessions of one process, and for tests. It keeps as many as OpenSSL's own cache of sessions does
 * (SSL_CTX_sess_set_cache_size(3)): of more, the oldest goes.
 *
 * @example
 * const store = memoryStore();
 * const keyring = createTicketKeyring({ store });
 */
export function memoryStore(): SharedStore {
  /** In the order in which they were added. */
  const kept = new Map<string, { readonly value: string; readonly until: number }>();
  let lookedThrough = 0;
  const find = (name: string): string | undefined => {
    const found = kept.get(name);
    if (!found || found.until > Date.now()) return found?.value;
    kept.delete(name);
    return undefined;
  };
  const forgetOld = (): void => {
    const now = Date.now();
    if (Math.abs(now - lookedThrough) < lookEvery) return;
    lookedThrough = now;
    for (const [name, { until }] of kept) if (until <= now) kept.delete(name);
  };
  return {
    async get(name) {
      return find(name);
    },
    async add(name, value, milliseconds) {
      forgetOld();
      if (find(name) !== undefined) return;
      kept.set(name, { value, until: Date.now() + milliseconds });
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    },
  };
}

const mostKept = 20_480;
/** Milliseconds. */
const lookEvery = 1_000;
