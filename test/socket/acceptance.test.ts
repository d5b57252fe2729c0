import type { Socket } from 'node:net';
import nodeTls, { type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { type Cell, only, tls12, tls13 } from '../kernel/cells.ts';
import { identity } from '../kernel/identity.ts';
import { closePairs, tcpPair, track } from '../kernel/pair.ts';
import { rawContext } from '../kernel/raw-pair.ts';

/**
 * Every content type at every moment of a connection, from a scripted peer, both roles and versions: each layer of ours must do what OpenSSL
 * does in node:tls. src/connection/acceptance.ts is the table.
 */
const records: Readonly<Record<string, readonly [type: number, fragment: readonly number[]]>> = {
  change_cipher_spec: [20, [1]],
  'a warning': [21, [1, 90]],
  'a fatal alert': [21, [2, 40]],
  'application data': [23, [0x78]],
  'empty application data': [23, []],
  heartbeat: [24, [1, 0, 1, 0x78]],
  'type 99': [99, [0x78]],
  'type 99, long': [99, Array.from({ length: 300 }, () => 0x78)],
};

type Moment =
  | 'before the end'
  | 'in front of the handshake'
  | 'before Finished'
  | 'open'
  | 'within a message'
  | 'behind close_notify';
const moments: readonly Moment[] = [
  'in front of the handshake',
  'before Finished',
  'open',
  'within a message',
  'behind close_notify',
];

type Who = 'node:tls' | 'native' | 'wasm';

interface Outcome {
  readonly data: string;
  readonly secure: boolean;
  error: unknown;
  readonly alerts: number[][];
}

afterEach(closePairs);

describe.each([tls12, tls13])('$version', (cell) => {
  describe.each(['server', 'client'] as const)('%s', (role) => {
    describe.each(moments)('%s', (moment) => {
      test.each(Object.keys(records))('%s', async (name) => {
        const inject = records[name] ?? [0, []];
        const expected = await observe('node:tls', cell, role, moment, inject);
        // OpenSSL waits for all of a record of a type that nobody knows, and then says where it came; we refuse its header.
        if (inject[0] > 23 && expected.error === 'ERR_SSL_DATA_BETWEEN_CCS_AND_FINISHED')
          expected.error = 'ERR_SSL_UNEXPECTED_MESSAGE';
        for (const who of ['native', 'wasm'] as const) {
          const seen = await observe(who, cell, role, moment, inject);
          expect({ who, ...seen }).toEqual({ who, ...expected });
        }
      });
    });
  });
});

/** Java's peers close like this, and OpenSSL 3.5 takes it for an error: SSL_get_error(3) looks at the last warning. */
describe.each([tls12, tls13])('$version: close_notify right behind user_canceled', (cell) => {
  test.each(['server', 'client'] as const)('%s', async (role) => {
    for (const who of ['native', 'wasm'] as const) {
      const seen = await observe(who, cell, role, 'before the end', [21, [1, 90]]);
      expect({ who, ...seen }).toEqual({ who, data: 'end', secure: true, error: undefined, alerts: [] });
    }
  });
});

async function observe(
  who: Who,
  cell: Cell,
  role: 'server' | 'client',
  moment: Moment,
  [type, bytes]: readonly [number, readonly number[]],
): Promise<Outcome> {
  const [accepted, connected] = await tcpPair();
  const [ours, theirs] = role === 'server' ? [accepted, connected] : [connected, accepted];
  const fragment = Uint8Array.from(bytes);
  const plain = Buffer.from([type, 3, 3, fragment.length >> 8, fragment.length & 255, ...fragment]);
  if (moment === 'in front of the handshake') theirs.write(plain);
  const socket = role === 'server' ? acceptOn(who, cell, ours) : connectOn(who, cell, ours);
  track({ server: socket, client: theirs });
  const outcome = { data: '', secure: false, error: undefined as unknown };
  socket.on('data', (data: Buffer) => {
    outcome.data += data.toString('latin1');
  });
  socket.on(role === 'server' ? 'secure' : 'secureConnect', () => {
    outcome.secure = true;
  });
  // A server's socket that was made by hand tells of errors by '_tlsError' alone.
  for (const event of ['error', '_tlsError'])
    socket.on(event, (error: Error) => {
      outcome.error = 'code' in error ? error.code : error.message;
    });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const peer = new RawPeer(theirs, { isServer: role === 'client', secureContext: rawContext(cell) });
  if (moment === 'before Finished') {
    if (cell.version === 'TLSv1.2') peer.beforeFinished = () => peer.send(type, fragment);
    else peer.beforeFlight = (flights) => flights === (role === 'server' ? 1 : 0) && peer.sendBytes(plain);
  }
  await Promise.race([peer.secure, closed, peer.ended]);
  if (peer.isSecure) {
    if (moment === 'within a message') peer.send(22, Uint8Array.of(24, 0));
    if (moment === 'behind close_notify') peer.send(21, Uint8Array.of(1, 0));
    if (moment === 'open' || moment === 'within a message' || moment === 'behind close_notify')
      peer.send(type, fragment);
    if (moment === 'within a message') peer.send(22, Uint8Array.of(0, 1, 0));
    else peer.send(23, Buffer.from('end'));
    if (moment === 'before the end') peer.send(type, fragment);
    peer.send(21, Uint8Array.of(1, 0));
  }
  theirs.end();
  socket.once('end', () => socket.end());
  await closed;
  await peer.ended;
  const alerts = peer.alerts.filter(([, description]) => description !== 0);
  peer.dispose();
  return { ...outcome, alerts };
}

function acceptOn(who: Who, cell: Cell, stream: Socket): TLSSocket {
  const common = { isServer: true, allowHalfOpen: true } as const;
  if (who === 'node:tls') {
    const secureContext = nodeTls.createSecureContext({ ...identity, ...only(cell) });
    return new nodeTls.TLSSocket(stream, { ...common, secureContext });
  }
  const secureContext = ktls.createSecureContext({ ...identity, ...only(cell) });
  return new ktls.TLSSocket(stream, { ...common, secureContext, ktls: 'off', portableLayer: who });
}

function connectOn(who: Who, cell: Cell, socket: Socket): TLSSocket {
  const common = { socket, ca: identity.cert, servername: 'localhost', ...only(cell) };
  return who === 'node:tls' ? nodeTls.connect(common) : ktls.connect({ ...common, ktls: 'off', portableLayer: who });
}
