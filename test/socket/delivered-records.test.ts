import { once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned, readLength, servePlain } from './scenario.ts';
import { bothSecure, dial, listening, type Pair, pairs, same, versions } from './surface.ts';

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
  const lengths = [5, 1, 300, 1000, 2];

  /** What `receive` makes of records that come to an accepted socket together. */
  async function together(
    by: Pair,
    maxVersion: tls.SecureVersion,
    receive: (accepted: tls.TLSSocket) => Promise<number[]>,
  ): Promise<number[]> {
    const { server, port } = await listening(by.server, { ...identities.server, maxVersion });
    const relay = await holding(port);
    const { client, accepted } = await bothSecure(server, dial(by.client, relay.port, identities));
    const received = receive(accepted);
    relay.hold();
    for (const length of lengths) {
      await new Promise((resolve) => client.write(Buffer.alloc(length), resolve));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    relay.release();
    return await received;
  }

  it.each(versions)('%s: records that come together are told one by one', async (version) => {
    const seen = await same(pair, (by) =>
      together(by, version, async (accepted) => {
        const told: number[] = [];
        accepted.on('data', (chunk: Buffer) => told.push(chunk.length));
        await readLength(accepted, 1308);
        return told;
      }),
    );
    expect(seen).toEqual(lengths);
  });

  it.each(versions)('%s: who waits for each of them misses none', async (version) => {
    const seen = await same(pair, (by) =>
      together(by, version, async (accepted) => {
        const told: number[] = [];
        while (told.length < lengths.length) {
          const [chunk] = await once(accepted, 'data');
          told.push(await Promise.resolve(chunk.length));
        }
        return told;
      }),
    );
    expect(seen).toEqual(lengths);
  });

  it('the event readable comes for each of them', async () => {
    await same(pair, (by) =>
      together(by, 'TLSv1.3', async (accepted) => {
        const told: number[] = [];
        await new Promise<void>((resolve) => {
          accepted.on('readable', () => {
            told.push(accepted.read()?.length ?? 0);
            if (told.reduce((sum, length) => sum + length) === 1308) resolve();
          });
        });
        return told;
      }),
    );
  });
});
