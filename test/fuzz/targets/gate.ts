import { Duplex } from 'node:stream';
import { selfSigned } from '../../../src/cli/self-signed.ts';
import { Connection } from '../../../src/connection/connection.ts';
import type { ConnectionEvent } from '../../../src/connection/events.ts';
import { noKernel } from '../../../src/connection/record-layer.ts';
import { createSecureContext } from '../../../src/context/secure-context.ts';
import { Engine, offloadable } from '../../../src/engine/openssl/engine.ts';
import { nodeLayer } from '../../connection/node-layer.ts';
import { RawPeer } from '../../helpers/raw-peer.ts';
import type { Target } from '../target.ts';

const identity = selfSigned(['localhost']);
const contexts = (['TLSv1.2', 'TLSv1.3'] as const).map((version) =>
  createSecureContext({ ...identity, minVersion: version, maxVersion: version }),
);
const ciphers = Object.values(offloadable);

/**
 * A whole connection with a scripted peer. The first byte chooses version and moment, then each record: type, length, bytes. Data comes only
 * between the end of the handshake and that of the connection; `failed` comes once and last.
 */
export const target: Target = {
  seeds: () =>
    [0, 1, 2, 3].flatMap((setting) => [
      Uint8Array.of(setting, 23, 1, 120),
      Uint8Array.of(setting, 22, 5, 24, 0, 0, 1, 0, 21, 2, 1, 90, 21, 2, 1, 0),
      Uint8Array.of(setting, 22, 2, 24, 0, 23, 1, 120, 22, 3, 0, 1, 0),
      Uint8Array.of(setting, 22, 4, 0, 0, 0, 0, 20, 1, 1, 99, 2, 1, 2),
    ]),
  run(input) {
    const [setting = 0] = input;
    const context = contexts[setting & 1];
    if (!context) throw new Error('no such version');
    const engine = new Engine(context.for({ verifiesPeer: false, isServer: true }), {
      isServer: true,
      offload: { read: ciphers, write: ciphers },
    });
    const toServer: Buffer[] = [];
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        toServer.push(chunk);
        done();
      },
    });
    const peer = new RawPeer(stream, { isServer: false, secureContext: context });
    const told: ConnectionEvent['kind'][] = [];
    const connection = new Connection({
      handshake: engine,
      sink: {
        pending: 0,
        isDirect: false,
        isDoneWithMemory: false,
        writeNow: () => 0,
        cork() {},
        uncork() {},
        write(bytes, done) {
          peer.receive(Buffer.from(bytes));
          done();
        },
        end: (done) => done(),
      },
      software: nodeLayer,
      kernel: noKernel('not part of this'),
      onEvent: ({ kind }) => told.push(kind),
      holdsLastFlight: false,
    });
    const script = (): void => {
      for (let at = 1; at + 1 < input.length; ) {
        const length = input[at + 1] ?? 0;
        if (peer.canSeal) peer.send(input[at] || 1, input.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
    };
    if (setting & 2) peer.beforeFinished = script;
    for (const { kind } of connection.resume()) told.push(kind);
    const deliver = (): void => {
      for (let chunk = toServer.shift(); chunk; chunk = toServer.shift()) {
        for (const { kind } of connection.receive(chunk)) told.push(kind);
        while (connection.isBehind) for (const { kind } of connection.goOn()) told.push(kind);
      }
    };
    try {
      deliver();
      if (!(setting & 2)) script();
      deliver();
    } catch (error) {
      if (!isOfThePeer(error)) throw error;
    }
    const data = told.indexOf('applicationData');
    const secure = told.indexOf('secure');
    if (data >= 0 && (secure < 0 || data < secure)) throw new Error('data came before the end of the handshake');
    const failed = told.indexOf('failed');
    if (failed >= 0 && failed !== told.length - 1) throw new Error(`told behind failed: ${told.slice(failed)}`);
    connection.dispose();
    peer.dispose();
  },
};

/** The script's own end may find fault with our answers to what it says. */
function isOfThePeer(error: unknown): boolean {
  return error instanceof Error && /raw-peer|reference-protection/.test(error.stack?.split('\n')[1] ?? '');
}
