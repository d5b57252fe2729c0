import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned, readLength, servePlain } from './scenario.ts';
import { bothSecure, dial, listening, pairs, same, versions } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** A relay to `port`. What a client sends from `hold` to `release` goes on in one piece. */
async function holding(port: number): Promise<{ port: number; hold: () => void; release: () => void }> {
  let held: Buffer[] | undefined;
  let onwards: net.Socket | undefined;
  const relay = await servePlain((front) => {
    const back = owned(net.connect(port, '127.0.0.1')).on('error', () => front.destroy());
    onwards = back;
    front.on('data', (chunk: Buffer) => (held ? held.push(chunk) : back.write(chunk)));
    back.pipe(front);
  });
  const release = (): void => {
    onwards?.write(Buffer.concat(held ?? []));
    held = undefined;
  };
  return { port: relay, hold: () => (held = []), release };
}

describe.each(pairs)('$name', (pair) => {
  it.each(versions)('%s: records that come together are told one by one', async (maxVersion) => {
    const lengths = [5, 1, 300, 1000, 2];
    const seen = await same(pair, async (by) => {
      const { server, port } = await listening(by.server, { ...identities.server, maxVersion });
      const relay = await holding(port);
      const { client, accepted } = await bothSecure(server, dial(by.client, relay.port, identities));
      const told: number[] = [];
      accepted.on('data', (chunk: Buffer) => told.push(chunk.length));
      const all = readLength(accepted, 1308);
      relay.hold();
      for (const length of lengths) {
        await new Promise((resolve) => client.write(Buffer.alloc(length), resolve));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      relay.release();
      await all;
      return told;
    });
    expect(seen).toEqual(lengths);
  });
});
