import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned, readLength, servePlain } from './scenario.ts';
import { bothSecure, dial, listening, node, type Pair, pairs, same, versions } from './surface.ts';

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

it.each(pairs.filter(({ server }) => server !== node))(
  '$name: a stream that gives much at once is held back until it is told',
  async (pair) => {
    const below = new Duplex({
      readableHighWaterMark: 16_384,
      read() {},
      write: (chunk, _encoding, done) => void front?.write(chunk, done),
    });
    let front: net.Socket | undefined;
    const held: Buffer[] = [];
    let give = (chunk: Buffer): unknown => below.push(chunk);
    const port = await servePlain((socket) => {
      front = socket.on('data', (chunk: Buffer) => give(chunk));
    });
    const secureContext = pair.server.createSecureContext(identities.server);
    const accepted = owned(pair.server.secure(below, { isServer: true, secureContext }));
    const client = dial(pair.client, port, identities);
    await once(client, 'secureConnect');
    give = (chunk) => held.push(chunk);
    const records = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1000, i));
    for (const record of records) await new Promise((resolve) => client.write(record, resolve));
    while (Buffer.concat(held).length < 200_000) await once(front ?? client, 'data');
    const received = readLength(accepted, 200_000);
    const sent = Buffer.concat(held);
    give = (chunk) => below.push(chunk);
    const answers = new Set<boolean>();
    for (let at = 0; at < sent.length; at += 1000) answers.add(below.push(sent.subarray(at, at + 1000)));
    expect(answers).toEqual(new Set([true, false]));
    expect(await received).toEqual(Buffer.concat(records));
    below.destroy();
  },
);

it.each(pairs.filter(({ server }) => server !== node))(
  '$name: the time that a socket may be idle begins behind what its write does',
  async (pair) => {
    const seen: string[] = [];
    let front: net.Socket | undefined;
    const below = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        seen.push('sent');
        front?.write(chunk);
        done();
      },
    });
    const port = await servePlain((socket) => {
      front = socket.on('data', (chunk: Buffer) => below.push(chunk));
    });
    const secureContext = pair.server.createSecureContext(identities.server);
    const accepted = owned(pair.server.secure(below, { isServer: true, secureContext }));
    const client = dial(pair.client, port, identities);
    await Promise.all([once(client, 'secureConnect'), once(accepted, 'secure')]);
    client.write('x');
    await once(accepted, 'data');
    const unrefTimer: unknown = Reflect.get(accepted, '_unrefTimer');
    Object.assign(accepted, {
      _unrefTimer() {
        seen.push('begun');
        if (typeof unrefTimer === 'function') Reflect.apply(unrefTimer, accepted, []);
      },
    });
    accepted.write('x');
    expect(seen.slice(-2)).toEqual(['sent', 'begun']);
    below.destroy();
  },
);
