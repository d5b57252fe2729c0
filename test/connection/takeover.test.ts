import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { Connection } from '../../src/connection/connection.ts';
import type { ConnectionEvent } from '../../src/connection/events.ts';
import { ReadSide } from '../../src/connection/read-side.ts';
import type { KernelPort } from '../../src/connection/record-layer.ts';
import { createSecureContext } from '../../src/context/secure-context.ts';
import { Engine, offloadable } from '../../src/engine/openssl/engine.ts';
import { advance } from '../../src/record/crypto-info.ts';
import type { RecordOpener } from '../../src/record/protection.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { nodeLayer } from './node-layer.ts';

const identity = selfSigned(['localhost']);
const payload = randomBytes(400_000);

interface Scenario {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly sizes: readonly number[];
  /** Lengths of the pieces that the stream arrives in, over and over. */
  readonly pieces: readonly number[];
  /** After how many of them only as much is read as the connection wants: nothing is read ahead from there on. */
  readonly patience: number;
  /** Behind which records the peer changes its keys. */
  readonly updates: readonly number[];
  readonly refuses: boolean;
}

/** The kernel as it would be: it opens what is still in the socket with the keys that it is given. */
class KernelStandIn implements KernelPort {
  readonly mayRead = true;
  opener: RecordOpener | undefined;
  readonly #refuses: boolean;

  constructor(refuses: boolean) {
    this.#refuses = refuses;
  }

  refuses(direction: 'read' | 'write'): { refused: string } | undefined {
    return direction === 'write' ? { refused: 'not part of this test' } : undefined;
  }

  rekeys(): boolean {
    return true;
  }

  install(...[direction, keys]: Parameters<KernelPort['install']>): { refused: string } | undefined {
    if (this.#refuses || direction === 'write') return { refused: 'this kernel refuses' };
    this.opener = nodeLayer.opener(advance(keys, keys.sequenceNumber));
    return undefined;
  }

  sendRecord(): 'sent' {
    return 'sent';
  }

  sendFile(): number {
    return 0;
  }

  sequenceNumber(): undefined {
    return undefined;
  }

  whenWritable(): void {}
}

function run({ version, sizes, pieces, patience, updates, refuses }: Scenario): {
  data: Buffer;
  layer: string;
  failed: boolean;
} {
  const context = createSecureContext({ ...identity, minVersion: version, maxVersion: version });
  const all = Object.values(offloadable);
  const engine = new Engine(context.for({ verifiesPeer: false, isServer: true }), {
    isServer: true,
    offload: { read: all, write: all },
  });
  const kernel = new KernelStandIn(refuses);
  const toServer: Buffer[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (chunk, _, done) => {
      toServer.push(chunk);
      done();
    },
  });
  const peer = new RawPeer(stream, { isServer: false, secureContext: context });
  const data: Uint8Array[] = [];
  let failed = false;
  let isSecure = false;
  const tell = (events: readonly ConnectionEvent[]): void => {
    for (const event of events) {
      if (event.kind === 'applicationData') data.push(Buffer.from(event.bytes));
      if (event.kind === 'failed') failed = true;
      if (event.kind === 'secure') isSecure = true;
    }
  };
  const connection = new Connection({
    handshake: engine,
    sink: {
      pending: 0,
      isDirect: false,
      isDoneWithMemory: false,
      writeNow: () => 0,
      cork() {},
      uncork() {},
      write: (bytes, done) => {
        peer.receive(Buffer.from(bytes));
        done();
      },
      end: (done) => done(),
    },
    software: nodeLayer,
    kernel,
    holdsLastFlight: false,
    onEvent: (event) => tell([event]),
  });
  tell(connection.resume());
  // The client's last flight is held, so that data comes with it.
  let isSent = false;
  let turn = 0;
  for (;;) {
    if (!isSent && peer.isSecure) {
      isSent = true;
      let at = 0;
      for (const [i, size] of sizes.entries()) {
        peer.send(23, payload.subarray(at, at + size));
        at += size;
        if (version === 'TLSv1.3' && updates.includes(i)) peer.updateKeys();
      }
    }
    const wire = Buffer.concat(toServer.splice(0));
    if (wire.length === 0) break;
    for (let at = 0; at < wire.length && !failed; turn++) {
      if (kernel.opener) {
        at += openInKernel(wire.subarray(at), kernel, connection, tell);
        continue;
      }
      const piece = pieces[turn % pieces.length] ?? 1;
      const most = isSecure && turn >= patience ? Math.min(piece, connection.wanted) : piece;
      const end = Math.min(wire.length, at + most);
      tell(connection.receive(wire.subarray(at, end)));
      at = end;
    }
  }
  const { read: layer } = connection.layers;
  connection.dispose();
  return { data: Buffer.concat(data), layer, failed };
}

/** Records up to the first that is not data; answers how long they were. */
function openInKernel(
  wire: Buffer,
  kernel: KernelStandIn,
  connection: Connection,
  tell: (events: readonly ConnectionEvent[]) => void,
): number {
  const records = kernel.opener?.open(wire);
  if (!records) throw new Error('the kernel has no keys');
  tell(connection.receiveOpened(records));
  if (records.fault) throw new Error(records.fault.reason);
  return records.consumed;
}

const scenario = fc.record({
  version: fc.constantFrom('TLSv1.2' as const, 'TLSv1.3' as const),
  sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 16_384 })), {
    minLength: 1,
    maxLength: 20,
  }),
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 40_000 })), {
    minLength: 1,
    maxLength: 8,
  }),
  patience: fc.integer({ min: 0, max: 60 }),
  updates: fc.array(fc.integer({ min: 0, max: 19 }), { maxLength: 4 }),
  refuses: fc.boolean(),
});

describe('taking over behind what was read ahead', () => {
  test('whatever was read ahead, whenever the kernel takes over, nothing is lost', () => {
    let taken = 0;
    fc.assert(
      fc.property(scenario, (given) => {
        const expected = payload.subarray(
          0,
          given.sizes.reduce((sum, size) => sum + size, 0),
        );
        const { data, layer, failed } = run(given);
        expect(failed).toBe(false);
        expect(data.equals(expected)).toBe(true);
        if (given.refuses) expect(layer).toBe('native');
        if (layer === 'kernel') taken++;
      }),
      { numRuns: 150 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  test('one piece with everything in it leaves the kernel a clean start', () => {
    const given = {
      version: 'TLSv1.3',
      sizes: [100, 16_384, 1],
      pieces: [1_000_000],
      patience: 0,
      updates: [],
      refuses: false,
    } as const;
    const { data, layer } = run(given);
    expect([data.length, layer]).toEqual([16_485, 'kernel']);
  });

  test('how often the keys were used goes on to be counted', () => {
    const keys = { version: 0x0304, aead: 'aes-128-gcm', iv: randomBytes(12), sequenceNumber: 0n } as const;
    const key = randomBytes(16);
    const sealer = nodeLayer.sealer({ ...keys, key: Uint8Array.from(key) });
    const kernel = Object.assign(new KernelStandIn(false), { sequenceNumber: () => 3n });
    const side = new ReadSide({ software: nodeLayer, kernel, keyUsageLimit: 3, onKeys: () => {} });
    for (const byte of [1, 2]) side.push(sealer.seal(23, Uint8Array.of(byte)), 0);
    side.installKeys({ ...keys, key, iv: Uint8Array.from(keys.iv) });
    for (const _ of [1, 2]) {
      expect(side.next(1)).toMatchObject({ kind: 'opened' });
      expect(side.usesUp(1)).toBe(false);
    }
    expect(side.takeOver()).toBe(true);
    expect(side.layer).toBe('kernel');
    expect(side.usesUp(1)).toBe(true);
  });

  test('where the kernel may not have what is received, nothing is left in the socket for it', () => {
    const wanted = (mayRead: boolean): number => {
      const kernel = Object.assign(new KernelStandIn(false), { mayRead });
      return new ReadSide({ software: nodeLayer, kernel, keyUsageLimit: undefined, onKeys: () => {} }).wanted;
    };
    expect([wanted(true), wanted(false)]).toEqual([5, Number.POSITIVE_INFINITY]);
  });
});
