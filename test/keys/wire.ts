import { once } from 'node:events';
import net from 'node:net';
import nodeTls from 'node:tls';
import { afterEach } from 'vitest';
import * as ktls from '../../src/index.ts';
import type { EpochKeys } from '../../src/keys.ts';
import type { AeadName, TrafficKeys } from '../../src/record/traffic-keys.ts';
import { type Identity, issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { referenceOpen, splitRecords } from '../helpers/reference-protection.ts';
import { owned } from '../socket/scenario.ts';

/** Both ends of a connection and what passes between them: one end is ours, the other node:tls, which echoes. */
export interface Wire {
  readonly ours: ktls.TLSSocket;
  readonly peer: nodeTls.TLSSocket;
  /** Bytes as they went over TCP, by our end's directions. */
  readonly passed: { readonly read: Buffer; readonly write: Buffer };
  /** Sends bytes to the peer in our end's name. */
  inject(bytes: Uint8Array): void;
}

export interface WireOptions {
  readonly role: 'client' | 'server';
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
  readonly ours?: Partial<ktls.TLSSocketOptions>;
  /** Client: a session to resume. */
  readonly session?: Uint8Array | undefined;
  /** Called with our socket from within the event that says that it is secure. */
  readonly onSecure?: (socket: ktls.TLSSocket) => void;
}

export async function wire({ role, version, ciphers, ours, session, onSecure }: WireOptions): Promise<Wire> {
  const identity = await identityOnce();
  const common = { ticketKeys, minVersion: version, maxVersion: version, ...(ciphers !== undefined && { ciphers }) };
  const trusting = { host: '127.0.0.1', servername: 'localhost', ca: identity.cert, ...common };
  const server =
    role === 'client'
      ? nodeTls.createServer({ ...identity, ...common, ALPNProtocols: ['echo'] })
      : ktls.createServer({ ...identity, ...common, ...pick(ours), ALPNProtocols: ['echo'] });
  servers.add(server);
  const relay = await relayTo(await listen(server));
  const dialled = { ...trusting, port: relay.port, ALPNProtocols: ['echo'] };
  const client = owned(
    role === 'client' ? ktls.connect({ ...dialled, ...pick(ours), session }) : nodeTls.connect(dialled),
  );
  if (client instanceof ktls.TLSSocket) client.once('secureConnect', () => onSecure?.(client));
  else server.once('secureConnection', (socket: ktls.TLSSocket) => onSecure?.(socket));
  const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
  const [own, peer] = role === 'client' ? [client, accepted] : [accepted, client];
  if (!(own instanceof ktls.TLSSocket) || !(peer instanceof nodeTls.TLSSocket))
    throw new Error('not the sockets meant');
  owned(own).on('error', () => {});
  owned(peer)
    .on('error', () => {})
    .pipe(peer);
  const [read, write] = role === 'client' ? (['toClient', 'toServer'] as const) : (['toServer', 'toClient'] as const);
  const passed = {
    get read() {
      return Buffer.concat(relay.passed[read]);
    },
    get write() {
      return Buffer.concat(relay.passed[write]);
    },
  };
  return { ours: own, peer, passed, inject: (bytes) => relay.inject(write, bytes) };
}

/** Sends, and waits for all of it to come back: then nothing is under way in either direction. */
export async function echo({ ours }: Pick<Wire, 'ours'>, bytes: Uint8Array): Promise<void> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    let left = bytes.length;
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      left -= chunk.length;
      if (left <= 0) stop(resolve);
    };
    const fail = (): void => stop(() => reject(new Error('the connection is gone')));
    const stop = (then: () => void): void => {
      ours.off('data', take).off('close', fail);
      then();
    };
    ours.on('data', take).on('close', fail).write(bytes);
  });
  if (!Buffer.concat(chunks).equals(bytes)) throw new Error('what came back is not what was sent');
}

/** The records that pass while `act` runs. */
export async function recordsOf(
  wire: Wire,
  act: () => Promise<void>,
): Promise<{ readonly read: Uint8Array[]; readonly write: Uint8Array[] }> {
  const { read, write } = wire.passed;
  await act();
  return {
    read: splitRecords(wire.passed.read.subarray(read.length)),
    write: splitRecords(wire.passed.write.subarray(write.length)),
  };
}

/** The content of records that come next under exported keys, opened by the tests' own cryptography. */
export function openAll(keys: EpochKeys, records: readonly Uint8Array[]): Buffer {
  const version = keys.version === 'TLSv1.3' ? 0x0304 : 0x0303;
  const plain: TrafficKeys = { ...keys, version, aead: ownAead(keys) };
  return Buffer.concat(
    records.map((record, i) => referenceOpen(plain, keys.sequenceNumber + BigInt(i), record).fragment),
  );
}

export const cells = [
  ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'],
  ['TLSv1.3', 'TLS_AES_256_GCM_SHA384'],
  ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256'],
] as const;

function ownAead({ aead }: EpochKeys): AeadName {
  if (aead === 'aes-128-ccm') throw new Error('AES-CCM has a test of its own');
  return aead;
}

function pick({
  portableLayer,
  exportKeys,
  ktls,
  capture,
}: WireOptions['ours'] = {}): Pick<ktls.ServerOptions, 'portableLayer' | 'exportKeys' | 'ktls' | 'capture'> {
  return { portableLayer, exportKeys, ktls, capture };
}

/** Passes bytes on between a client and the server at `port`. */
async function relayTo(port: number) {
  const passed: Record<'toServer' | 'toClient', Buffer[]> = { toServer: [], toClient: [] };
  const targets: { [name in keyof typeof passed]?: net.Socket } = {};
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    for (const [from, to, name] of [
      [client, upstream, 'toServer'],
      [upstream, client, 'toClient'],
    ] as const) {
      owned(from).on('error', () => to.destroy());
      from.on('data', (chunk) => passed[name].push(chunk)).pipe(to);
      targets[name] = to;
    }
  });
  servers.add(server);
  const inject = (name: keyof typeof passed, bytes: Uint8Array): void => void targets[name]?.write(bytes);
  return { port: await listen(server), passed, inject };
}

async function identityOnce(): Promise<Identity> {
  identity ??= await issue(undefined);
  return identity;
}

/** So that a server resumes what another began. */
const ticketKeys = Buffer.alloc(48, 7);
let identity: Identity | undefined;
const servers = new Set<net.Server>();

afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
});
