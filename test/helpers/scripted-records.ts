import type { Socket } from 'node:net';
import nodeTls, { type TLSSocket } from 'node:tls';
import * as ktls from '../../src/index.ts';
import { type Cell, kernelOnly, only } from '../kernel/cells.ts';
import { identity } from '../kernel/identity.ts';
import { tcpPair, track } from '../kernel/pair.ts';
import { rawContext } from '../kernel/raw-pair.ts';
import { RawPeer } from './raw-peer.ts';

/** One record of each content type. */
export const records: Readonly<Record<string, readonly [type: number, fragment: readonly number[]]>> = {
  change_cipher_spec: [20, [1]],
  'a warning': [21, [1, 90]],
  'a fatal alert': [21, [2, 40]],
  'application data': [23, [0x78]],
  'empty application data': [23, []],
  heartbeat: [24, [1, 0, 1, 0x78]],
  'type 99': [99, [0x78]],
  'type 99, long': [99, Array.from({ length: 300 }, () => 0x78)],
};

/** When it is sent. */
export type Moment =
  | 'before the end'
  | 'in front of the handshake'
  | 'before Finished'
  | 'open'
  | 'within a message'
  | 'behind close_notify';
export const moments: readonly Moment[] = [
  'in front of the handshake',
  'before Finished',
  'open',
  'within a message',
  'behind close_notify',
];

/** Who receives it. */
export type Who = 'node:tls' | 'native' | 'wasm' | 'kernel';

export interface Outcome {
  readonly data: string;
  readonly secure: boolean;
  error: unknown;
  readonly alerts: number[][];
}

/** What comes of a record that a scripted peer sends at a moment. */
export async function observe(
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
  return new ktls.TLSSocket(stream, { ...common, secureContext, ...layerOf(who) });
}

function connectOn(who: Who, cell: Cell, socket: Socket): TLSSocket {
  const common = { socket, ca: identity.cert, servername: 'localhost', ...only(cell) };
  return who === 'node:tls' ? nodeTls.connect(common) : ktls.connect({ ...common, ...layerOf(who) });
}

function layerOf(who: Exclude<Who, 'node:tls'>) {
  return who === 'kernel' ? { ktls: kernelOnly } : ({ ktls: 'off', portableLayer: who } as const);
}
