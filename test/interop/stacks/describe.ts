import { describe, expect, it } from 'vitest';
import { unless } from '../../helpers/unless.ts';
import { asClient, asServer, type Ours, type Seen } from './battery.ts';
import { type Known, knownStacks } from './known.ts';

/**
 * What each stack does with our side. A version that nobody looked at has to work, and may do it in another way. `missing`: why one cannot be run here.
 */
export function describeStacks(ours: () => Ours, missing: (name: string) => string | false = () => false): void {
  for (const stack of knownStacks) {
    unless(stack.missing ?? missing(stack.name), describe)(stack.name, () => {
      // What is pinned is always the version that was looked at.
      let isKnown = Object.keys(stack.server).length === 0;
      const served = stack.versions.filter((version) => stack.server[version]);

      it.each(served)('as a server, %s', async (version) => {
        const { stackVersion, padding, ...seen } = await asServer(stack, version, ours());
        isKnown = stackVersion.startsWith(stack.version);
        if (!isKnown) return;
        expectKnown(seen, stack.server[version]);
        expect(padding).toBe(version === 'TLSv1.3' ? stack.padding : 0);
      });

      it.each(stack.versions)('as a client, %s', async (version) => {
        const seen = await asClient(stack, version, ours());
        if (isKnown) expectKnown(seen, stack.client[version]);
      });
    });
  }
}

function expectKnown(seen: Seen, known: Known | undefined): void {
  const closeNotify = known?.closeNotify === 'either' ? seen.closeNotify : known?.closeNotify;
  expect(seen).toEqual({ ...known, closeNotify });
}
