import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { closed, owned, servePlain } from './scenario.ts';
import { type Library, node, open, pairs, same } from './surface.ts';

/** What a stream still tells, and what may be done with it, once TLS has been put on it. */

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** Puts a server's TLS on a stream. */
function upgraded(by: Library, stream: Duplex): tls.TLSSocket {
  const secureContext = by.createSecureContext(identities.server);
  return owned(by.secure(stream, { isServer: true, secureContext })).on('error', () => {});
}

function overStream(by: Library, socket: Duplex): tls.TLSSocket {
  return owned(by.connect({ socket, servername: 'localhost', ca: identities.authority.cert }));
}

/** What of it is a record of TLS, or text. */
const shown = (data: Buffer): string => (data[0] !== undefined && data[0] < 32 ? 'TLS' : data.toString());

/** A client that has asked in clear text for TLS, on a server whose `onAsked` puts it there. */
async function asking(
  onAsked: (raw: net.Socket) => void,
  onRaw: (raw: net.Socket) => void = () => {},
): Promise<net.Socket> {
  const port = await servePlain((raw) => {
    onRaw(raw);
    raw.once('data', () => {
      onAsked(raw);
      raw.write('go ahead');
    });
  });
  const plain = owned(net.connect(port, '127.0.0.1')).on('error', () => {});
  plain.write('upgrade');
  await once(plain, 'data');
  return plain;
}

async function answer(socket: tls.TLSSocket, text: string): Promise<string> {
  socket.write(text);
  const [data] = await once(socket, 'data');
  return String(data);
}

describe.each(pairs.filter(({ server }) => server !== node))('$name', (pair) => {
  it('TLS inside of an accepted TLSSocket is nothing for its listeners of data', async () => {
    const seen = await same(pair, async (by) => {
      const { client, accepted } = await open(by, identities);
      const told: string[] = [];
      accepted.on('data', (data: Buffer) => told.push(shown(data)));
      accepted.once('data', () => {
        upgraded(by.server, accepted).on('data', function (this: tls.TLSSocket, data: Buffer) {
          this.write(`inner ${data}`);
        });
        accepted.write('go ahead');
      });
      client.write('upgrade');
      await once(client, 'data');
      return [await answer(overStream(by.client, client), 'hello'), told];
    });
    expect(seen).toEqual(['inner hello', ['upgrade']]);
  });

  it.each(['before', 'behind', 'data'])('raw.pause() pauses nothing: %s', async (when) => {
    const seen = await same(pair, async (by) => {
      const plain = await asking((raw) => {
        if (when === 'before') raw.pause();
        const inner = upgraded(by.server, raw);
        if (when === 'behind') raw.pause();
        inner.on('data', (data: Buffer) => {
          // Once all is quiet: the next that comes is what would be held up.
          if (when === 'data') setImmediate(() => raw.pause());
          inner.write(`inner ${data}`);
        });
      });
      const client = overStream(by.client, plain);
      return [await answer(client, 'one'), await answer(client, 'two')];
    });
    expect(seen).toEqual(['inner one', 'inner two']);
  });

  it('what is read may be told as the data of the socket below, as ftp-srv does', async () => {
    const seen = await same(pair, async (by) => {
      const told: string[] = [];
      const plain = await asking((raw) => {
        const inner = upgraded(by.server, raw);
        raw.on('data', (data: Buffer) => {
          told.push(shown(data));
          inner.write(`again ${data}`);
        });
        inner.on('data', (data: Buffer) => raw.emit('data', data));
      });
      const client = overStream(by.client, plain);
      return [await answer(client, 'one'), await answer(client, 'two'), told];
    });
    expect(seen).toEqual(['again one', 'again two', ['one', 'two']]);
  });

  it('the end is the TLS socket’s to tell, not the one’s below', async () => {
    const seen = await same(pair, async (by) => {
      const told: string[] = [];
      let below: net.Socket | undefined;
      const plain = await asking(
        (raw) => {
          below = raw;
          const inner = upgraded(by.server, raw).resume();
          inner.on('end', () => told.push('end above'));
        },
        (raw) => raw.on('end', () => told.push('end below')).on('close', () => told.push('close below')),
      );
      const client = overStream(by.client, plain).resume();
      await once(client, 'secureConnect');
      // FIN alone, as of a peer that is gone.
      plain.end();
      await closed(client.on('error', () => {}));
      if (below && !below.closed) await once(below, 'close');
      return told;
    });
    expect(seen).toEqual(['end above', 'close below']);
  });

  it('a reader that does not read holds back the socket below', async () => {
    const { client, accepted } = await open(pair, identities);
    const inside = upgraded(pair.server, accepted);
    const outer = overStream(pair.client, client);
    await Promise.all([once(inside, 'secure'), once(outer, 'secureConnect')]);
    const sent = Buffer.alloc(3_000_000, 'x');
    outer.end(sent);
    await once(inside, 'readable');
    expect(inside.readableLength).toBeLessThan(1_000_000);
    let received = 0;
    inside.on('data', (data: Buffer) => {
      received += data.length;
    });
    await once(inside, 'end');
    expect(received).toBe(sent.length);
  });
});
