import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { kernelTls } from '../../src/platform/kernel/kernel-support.ts';
import { PollTransport } from '../../src/platform/transport/poll-transport.ts';
import { tcpHandle } from '../../src/platform/transport/tcp-handle.ts';
import { Alert } from '../../src/protocol/alert.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../src/protocol/version.ts';
import type { AeadName } from '../../src/record/traffic-keys.ts';
import {
  type Outcome,
  type RecordLayerHarness,
  type RecordLayerUnderTest,
  randomTrafficKeys,
  wireLength,
} from './harness.ts';

/** A socket under the kernel's TLS, through the transport that connections use; the wire is the plain socket at its other end. */
export function kernelHarness(versions: ProtocolVersionNumber, aeads: readonly AeadName[]): RecordLayerHarness {
  return {
    capabilities: {
      arbitrarySequenceNumber: true,
      controlRecords: true,
      emptyData: false,
      countedExplicitNonce: true,
      seesTruncation: false,
      propertyRuns: 4,
      faults: {
        ...faults,
        ...(versions === ProtocolVersion.tls13 ? tls13Faults : aeads.length > 1 ? explicitFaults : {}),
      },
    },
    supports: (version, aead) => (version === versions && aeads.includes(aead) ? true : 'by another'),
    open: async (options) => {
      const keys = { write: randomTrafficKeys(options), read: randomTrafficKeys(options) };
      const [near, far] = await tcpPair();
      return new KernelLayer(keys, near, far);
    },
  };
}

type Faults = NonNullable<RecordLayerHarness['capabilities']['faults']>;

/** What the kernel calls by another name, and refuses all the same (net/tls/tls_sw.c, tls_rx_msg_size). */
const faults: Faults = {
  HTTP: Alert.decodeError,
  // Passed over within one system call.
  'flood of empty records': 'accepted',
};

const tls13Faults: Faults = {
  'wrong outer type': Alert.badRecordMac,
  'plaintext change_cipher_spec': Alert.badRecordMac,
  'plaintext alert': Alert.badRecordMac,
  'nothing but padding': Alert.badRecordMac,
  // Handed over, for OpenSSL to refuse.
  'empty handshake record': 'accepted',
  'empty alert': 'accepted',
};

/** With an explicit nonce the kernel looks at nothing before it has 13 bytes: the header and the nonce. */
const explicitFaults: Faults = {
  'length field too large': 'accepted',
  'plaintext change_cipher_spec': 'accepted',
  'plaintext alert': 'accepted',
};

class KernelLayer implements RecordLayerUnderTest {
  readonly keys: RecordLayerUnderTest['keys'];
  readonly #transport: PollTransport;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #outcomes: Outcome[] = [];
  #awaited: (() => void) | undefined;

  constructor(keys: RecordLayerUnderTest['keys'], near: Socket, far: Socket) {
    const handle = tcpHandle(near);
    const found = kernelTls();
    if ('refused' in found) throw new Error(found.refused);
    if ('refused' in handle) throw new Error(handle.refused);
    this.keys = keys;
    this.#near = near;
    this.#far = far;
    const policy = { mayRead: true, refuses: () => undefined, rekeys: () => true };
    this.#transport = new PollTransport({ socket: near, handle, calls: found.calls, policy });
    for (const direction of ['write', 'read'] as const) {
      const refused = this.#transport.kernel.install(direction, keys[direction]);
      if (refused) throw new Error(refused.refused);
    }
    this.#transport.start({
      wanted: Number.POSITIVE_INFINITY,
      peerClosed: false,
      bytes: () => this.#found({ kind: 'data', bytes: Buffer.from('bytes that were not opened') }),
      opened: ({ applicationData, control, fault }) => {
        if (applicationData) this.#found({ kind: 'data', bytes: applicationData });
        if (control) this.#found({ kind: 'control', ...control });
        if (fault) this.#found({ kind: 'fault', alert: fault.alert });
      },
      end: () => this.#found({ kind: 'end', truncated: false }),
      error: () => {},
      closed: () => {},
    });
  }

  async write(type: number, fragment: Uint8Array): Promise<Uint8Array> {
    const length = wireLength(this.keys.write, fragment.length);
    if (type === 23) await new Promise((resolve) => this.#transport.write(fragment, resolve));
    else if (this.#transport.kernel.sendRecord(type, fragment) === 'blocked') throw new Error('the socket is full');
    const pieces: Buffer[] = [];
    for (let received = 0; received < length; ) {
      const piece: unknown = this.#far.read();
      if (Buffer.isBuffer(piece)) {
        pieces.push(piece);
        received += piece.length;
      } else {
        await once(this.#far, 'readable');
      }
    }
    return new Uint8Array(Buffer.concat(pieces));
  }

  async receive(wire: Uint8Array): Promise<void> {
    this.#far.write(wire);
  }

  async receiveEnd(): Promise<void> {
    this.#far.end();
  }

  async next(): Promise<Outcome> {
    for (;;) {
      const outcome = this.#outcomes.shift();
      if (outcome) return outcome;
      await new Promise<void>((resolve) => {
        this.#awaited = resolve;
      });
    }
  }

  async close(): Promise<void> {
    const closed = [this.#near, this.#far].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    this.#transport.destroy();
    this.#far.destroy();
    await Promise.all(closed);
  }

  #found(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    this.#awaited?.();
  }
}

async function tcpPair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  far.on('error', () => {});
  const [[near]] = await Promise.all([once(server, 'connection'), once(far, 'connect')]);
  server.close();
  if (!(near instanceof Socket)) throw new Error('no socket was accepted');
  near.on('error', () => {});
  return [near, far];
}
