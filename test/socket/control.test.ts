import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned, servePlain } from './scenario.ts';
import { codeOf, type Library, node, type Pair, pairs, same } from './surface.ts';

/** A TLSSocket made by hand belongs to its handshake until `_releaseControl`: what goes wrong is no error of the application's. */

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

const told = ['secure', 'secureConnect', 'end', '_tlsError', 'error', 'close', 'finish'];

/** What a socket tells, without listening to it: a listener would be one that catches errors. */
function overhear(socket: tls.TLSSocket): string[] {
  const events: string[] = [];
  const { emit } = socket;
  Reflect.set(socket, 'emit', (name: string, ...words: unknown[]) => {
    if (told.includes(name)) events.push([name, ...words.map(codeOf)].join(' '));
    return Reflect.apply(emit, socket, [name, ...words]);
  });
  return events;
}

/** A record with a fatal alert, handshake_failure (RFC 8446 §6). */
const alert = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);

const happenings: readonly { what: string; happens: (peer: net.Socket, socket: tls.TLSSocket) => void }[] = [
  { what: 'garbage', happens: (peer) => void peer.write('this is no record of TLS, whoever reads it') },
  { what: 'garbage and FIN', happens: (peer) => void peer.end('this is no record of TLS, whoever reads it') },
  { what: 'FIN', happens: (peer) => void peer.end() },
  { what: 'half a record and FIN', happens: (peer) => void peer.end(Uint8Array.of(22, 3, 1, 1, 0, 1)) },
  { what: 'RST', happens: (peer) => void peer.resetAndDestroy() },
  { what: 'a fatal alert', happens: (peer) => void peer.write(alert) },
  { what: 'destroy with an error', happens: (_, socket) => void socket.destroy(new Error('enough')) },
  { what: 'destroy', happens: (_, socket) => void socket.destroy() },
];

/** A socket of `by` over one end of a TCP connection, and the other end. */
async function madeByHand(by: Library, isServer: boolean): Promise<{ socket: tls.TLSSocket; peer: net.Socket }> {
  const accepted = new EventEmitter();
  const port = await servePlain((raw) => void accepted.emit('raw', raw));
  const peer = owned(net.connect(port, '127.0.0.1')).on('error', () => {});
  const [raw] = await once(accepted, 'raw');
  const secureContext = by.createSecureContext(isServer ? identities.server : {});
  const socket = by.secure(raw, { isServer, secureContext });
  return { socket: isServer ? socket : start(socket), peer };
}

function start(socket: tls.TLSSocket): tls.TLSSocket {
  Reflect.apply(Reflect.get(socket, '_start'), socket, []);
  return socket;
}

describe.each(pairs.filter(({ client }) => client !== node))('$name', (pair) => {
  describe.each(['client', 'server'] as const)('a %s', (role) => {
    async function life(by: Pair, happens: (typeof happenings)[number]['happens'], listens: boolean): Promise<unknown> {
      const { socket, peer } = await madeByHand(by.client, role === 'server');
      const events = overhear(socket);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      if (listens) socket.on('error', () => {});
      if (role === 'client') await once(peer, 'data');
      const before = socket.listenerCount('error') - (listens ? 1 : 0);
      happens(peer, socket);
      peer.resume();
      await closed;
      return { events, before };
    }

    it.each(happenings)('$what, without a listener', async ({ happens }) => {
      await same(pair, (by) => life(by, happens, false));
    });

    it.each(happenings)('$what, with a listener', async ({ happens }) => {
      await same(pair, (by) => life(by, happens, true));
    });
  });

  it.each(['client', 'server'])(
    'a %s with an early write, and FIN: it closes, where node:tls stays for ever',
    async (role) => {
      for (const method of ['write', 'end'] as const) {
        const { socket, peer } = await madeByHand(pair.client, role === 'server');
        const events = overhear(socket);
        const written = new Promise((resolve) => socket[method]('early', resolve));
        peer.resume().end();
        await once(socket, 'close');
        expect(events).toEqual(['end', 'close false']);
        expect(await written).toMatchObject({ code: 'ECANCELED' });
      }
    },
  );

  it('_releaseControl answers once, and takes the listener off', async () => {
    const seen = await same(pair, async (by) => {
      const { socket } = await madeByHand(by.client, true);
      const state = (): unknown => [Reflect.get(socket, '_controlReleased'), socket.listenerCount('error')];
      const release = (): unknown => Reflect.apply(Reflect.get(socket, '_releaseControl'), socket, []);
      const states = [state(), release(), state(), release(), state()];
      socket.on('error', () => {}).destroy();
      return states;
    });
    expect(seen).toEqual([[false, 1], true, [true, 0], false, [true, 0]]);
  });
});
