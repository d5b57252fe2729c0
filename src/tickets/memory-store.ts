import type { SharedStore } from './shared-store.ts';

/**
 * A store in this process: for keyrings of one process, and for tests.
 *
 * @example
 * const store = memoryStore();
 * const keyring = createTicketKeyring({ store });
 */
export function memoryStore(): SharedStore {
  const kept = new Map<string, { readonly value: string; readonly until: number }>();
  const forgetOld = (): void => {
    for (const [name, { until }] of kept) if (until <= Date.now()) kept.delete(name);
  };
  return {
    async get(name) {
      forgetOld();
      return kept.get(name)?.value;
    },
    async add(name, value, milliseconds) {
      forgetOld();
      if (!kept.has(name)) kept.set(name, { value, until: Date.now() + milliseconds });
    },
  };
}
