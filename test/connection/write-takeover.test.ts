import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteSink, KernelPort, KernelRefusal, Refused } from '../../src/connection/record-layer.ts';
import { WriteSide } from '../../src/connection/write-side.ts';
import { ContentType, type ContentTypeByte } from '../../src/protocol/content-type.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../src/protocol/version.ts';
import { advance } from '../../src/record/crypto-info.ts';
import type { RecordSealer } from '../../src/record/protection.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { splitRecords } from '../helpers/reference-protection.ts';
import { nodeLayer } from './node-layer.ts';

const worthwhile = 1000;
const payload = randomBytes(200_000);

/** A socket whose system takes bytes when it is told to, and whose kernel seals whatever is taken once it has keys. */
class Socket implements ByteSink, KernelPort {
  readonly mayRead = false;
  readonly taken: Uint8Array[] = [];
  /** All keys that the kernel was shown, which are to be wiped by their owner. */
  readonly seen: TrafficKeys[] = [];
  fileBytes = 0;
  isDirect = false;
  readonly isDoneWithMemory = false;
  refusal: Refused | undefined;
  #sealer: RecordSealer | undefined;
  #waiting: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  #whenWritable: (() => void)[] = [];

  refuses(_: 'read' | 'write', keys: TrafficKeys, fileBytes: number): KernelRefusal | undefined {
    this.seen.push(keys);
    this.fileBytes = fileBytes;
    return fileBytes < worthwhile ? { refused: 'files first', untilFiles: true } : undefined;
  }

  rekeys(): boolean {
    return true;
  }

  install(_: 'read' | 'write', keys: TrafficKeys): Refused | undefined {
    this.seen.push(keys);
    if (this.refusal) return this.refusal;
    this.#sealer = nodeLayer.sealer(advance(keys, keys.sequenceNumber));
    return undefined;
  }

  sendRecord(type: ContentTypeByte, fragment: Uint8Array): 'sent' {
    this.#seal(type, fragment);
    return 'sent';
  }

  sendFile(_: number, offset: number, length: number): number {
    this.#seal(ContentType.applicationData, payload.subarray(offset, offset + length));
    return length;
  }

  sequenceNumber(): bigint | undefined {
    return this.#sealer?.sequenceNumber;
  }

  whenWritable(callback: () => void): void {
    this.#whenWritable.push(callback);
  }

  get pending(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  writeNow(bytes: Uint8Array): number {
    if (this.pending > 0) return 0;
    this.#take(bytes.slice());
    return bytes.length;
  }

  cork(): void {}

  uncork(): void {}

  write(bytes: Uint8Array, done: () => void): void {
    this.#waiting.push({ bytes, done });
  }

  end(done: () => void): void {
    done();
  }

  /** The system takes all that waits. */
  drain(): void {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.#take(next.bytes);
      next.done();
    }
    for (const callback of this.#whenWritable.splice(0)) callback();
  }

  #take(bytes: Uint8Array): void {
    if (this.#sealer) this.#seal(ContentType.applicationData, bytes);
    else this.taken.push(bytes);
  }

  #seal(type: ContentTypeByte, fragment: Uint8Array): void {
    if (!this.#sealer) throw new Error('the kernel has no keys');
    this.taken.push(this.#sealer.seal(type, fragment));
  }
}

function open(keyUsageLimit?: number): { side: WriteSide; socket: Socket; layers: string[]; installed: number } {
  const socket = new Socket();
  const result = { socket, layers: [] as string[], installed: 0 };
  const side = new WriteSide({
    sink: socket,
    software: nodeLayer,
    kernel: socket,
    keyUsageLimit,
    onKeys: () => {
      result.installed++;
    },
    onLayer: () => result.layers.push(side.layer),
    onError: (error) => {
      throw error;
    },
  });
  return Object.assign(result, { side });
}

function keysOf(version: ProtocolVersionNumber, aead: TrafficKeys['aead'] = 'aes-128-gcm'): TrafficKeys {
  const secret = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));
  const [key, iv] = [secret(aead === 'aes-128-gcm' ? 16 : 32), secret(12)];
  return { version, aead, key, iv, sequenceNumber: version === ProtocolVersion.tls12 ? 1n : 0n };
}

const copy = (keys: TrafficKeys): TrafficKeys => advance(keys, keys.sequenceNumber);
const wiped = ({ key, iv }: TrafficKeys): boolean => [...key, ...iv].every((byte) => byte === 0);

/** Opens everything with the first keys, and behind each KeyUpdate with the next. */
function opened(socket: Socket, keys: readonly TrafficKeys[]): Buffer {
  const data: Uint8Array[] = [];
  const openers = keys.map((each) => nodeLayer.opener(each));
  for (const record of splitRecords(Buffer.concat(socket.taken))) {
    const { applicationData, control, fault } = openers[0]?.open(record) ?? {};
    if (fault) throw new Error(fault.reason);
    if (applicationData) data.push(Buffer.from(applicationData));
    if (control?.type === ContentType.handshake) openers.shift();
  }
  return Buffer.concat(data);
}

type Step =
  | { readonly kind: 'write' | 'file'; readonly length: number }
  | { readonly kind: 'update' }
  | { readonly kind: 'drain' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({ kind: fc.constant('file' as const), length: fc.integer({ min: 1, max: 900 }) }),
  fc.record({ kind: fc.constant('update' as const) }),
  fc.record({ kind: fc.constant('drain' as const) }),
);

describe('the kernel takes over writes once there are files', () => {
  test('whatever is under way, whenever keys are changed, nothing is lost or sealed twice', () => {
    let [taken, reused] = [0, 0];
    fc.assert(
      fc.property(
        fc.constantFrom(ProtocolVersion.tls12, ProtocolVersion.tls13),
        fc.constantFrom('aes-128-gcm' as const, 'aes-256-gcm' as const),
        fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.boolean(),
        fc.boolean(),
        (version, aead, steps, isDirect, refuses) => {
          const { side, socket, layers } = open();
          socket.isDirect = isDirect;
          if (refuses) socket.refusal = { refused: 'not by this kernel' };
          const keys = [keysOf(version, aead)];
          const changeTo = (next: TrafficKeys): void => side.installKeys(copy(next));
          for (const first of keys) changeTo(first);
          let at = 0;
          let fileBytes = 0;
          // As a stream has it: one after the other. Changes of keys and the system do not wait for it.
          const turns: (() => void)[] = [];
          let isBusy = false;
          const next = (): void => {
            isBusy = false;
            const turn = turns.shift();
            if (!turn) return;
            isBusy = true;
            turn();
          };
          const record = (fragment: Uint8Array): void => {
            side.record(ContentType.applicationData, fragment, () => next());
            // Its memory is used for something else.
            if (!side.hasSealedAll) return;
            fragment.fill(0);
            reused++;
          };
          const send = (length: number, isFile: boolean): void => {
            const offset = at;
            at += length;
            if (isFile && side.layer === 'kernel') side.file({ descriptor: 0, offset, length }, next);
            else record(Uint8Array.from(payload.subarray(offset, offset + length)));
          };
          for (const { kind, ...rest } of steps) {
            const length = 'length' in rest ? rest.length : 0;
            if (kind === 'drain') socket.drain();
            if (kind === 'write') turns.push(() => send(length, false));
            if (kind === 'file') {
              fileBytes += length;
              turns.push(() => side.expectFile(length, () => send(length, true)));
            }
            if (kind === 'update' && version === ProtocolVersion.tls13) {
              side.record(ContentType.handshake, Uint8Array.of(24, 0, 0, 1, 0));
              const following = keysOf(version, aead);
              keys.push(following);
              changeTo(following);
            }
            if (!isBusy) next();
          }
          while (isBusy || socket.pending > 0) socket.drain();
          expect(opened(socket, keys).equals(payload.subarray(0, at))).toBe(true);
          const isTaken = fileBytes >= worthwhile && !refuses;
          expect(side.layer).toBe(isTaken ? 'kernel' : 'native');
          expect(layers).toEqual(isTaken ? ['native', 'kernel'] : ['native']);
          expect(side.reason).toBe(isTaken ? undefined : fileBytes < worthwhile ? 'files first' : 'not by this kernel');
          if (version === ProtocolVersion.tls12) {
            const nonces = splitRecords(Buffer.concat(socket.taken)).map((record) =>
              Buffer.from(record.subarray(5, 13)),
            );
            expect(new Set(nonces.map((nonce) => nonce.toString('hex'))).size).toBe(nonces.length);
          }
          side.dispose();
          expect(socket.seen.every(wiped)).toBe(true);
          if (isTaken) taken++;
        },
      ),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(50);
    expect(reused).toBeGreaterThan(300);
  });

  test('nothing that was sealed here is still on its way to the kernel then', () => {
    const { side, socket } = open();
    const keys = keysOf(ProtocolVersion.tls13);
    side.installKeys(copy(keys));
    side.record(ContentType.applicationData, payload.subarray(0, 100));
    let isDecided = false;
    side.expectFile(worthwhile, () => {
      isDecided = true;
    });
    expect([isDecided, side.layer]).toEqual([false, 'native']);
    socket.drain();
    expect([isDecided, side.layer]).toEqual([true, 'kernel']);
    side.record(ContentType.applicationData, payload.subarray(100, 200));
    socket.drain();
    expect(opened(socket, [keys])).toEqual(payload.subarray(0, 200));
  });

  test('the bytes of all files count', () => {
    const { side, socket } = open();
    side.installKeys(keysOf(ProtocolVersion.tls12));
    for (const [length, sum] of [
      [400, 400],
      [599, 999],
    ] as const) {
      side.expectFile(length, () => {});
      expect([socket.fileBytes, side.layer]).toEqual([sum, 'native']);
    }
    side.expectFile(1, () => {});
    expect(side.layer).toBe('kernel');
  });

  test('the keys kept for it are wiped when used, when others follow, and at the end', () => {
    for (const end of ['use', 'refusal', 'change', 'dispose'] as const) {
      const { side, socket } = open();
      if (end === 'refusal') socket.refusal = { refused: 'not by this kernel' };
      side.installKeys(keysOf(ProtocolVersion.tls13));
      const given = socket.seen.length;
      side.expectFile(1, () => {});
      const [offer] = socket.seen.slice(given);
      if (!offer) throw new Error('no keys were kept');
      expect(wiped(offer)).toBe(false);
      if (end === 'use' || end === 'refusal') side.expectFile(worthwhile, () => {});
      else if (end === 'change') side.installKeys(keysOf(ProtocolVersion.tls13));
      else side.dispose();
      expect(socket.seen.every(wiped)).toBe(true);
      side.dispose();
    }
  });

  test('who waits for it is told when there will be nothing', () => {
    const { side } = open();
    side.installKeys(keysOf(ProtocolVersion.tls13));
    side.record(ContentType.applicationData, payload.subarray(0, 100));
    const told: unknown[] = [];
    side.expectFile(worthwhile, (error) => told.push(error));
    side.dispose();
    expect(told).toEqual([expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' })]);
  });

  test('the use of the keys goes on to be counted, and they are the same keys', () => {
    const recordsUntilUsedUp = (takeoverAt: number): number => {
      const connection = open(20);
      const { side, socket } = connection;
      side.installKeys(keysOf(ProtocolVersion.tls13));
      for (let records = 0; ; records++) {
        if (records === takeoverAt) side.expectFile(worthwhile, () => {});
        if (side.usesUp(1)) {
          expect([side.layer, connection.installed]).toEqual([takeoverAt < 20 ? 'kernel' : 'native', 1]);
          expect(side.sequenceNumber).toBe(BigInt(records));
          return records;
        }
        side.record(ContentType.applicationData, payload.subarray(0, 1));
        socket.drain();
      }
    };
    expect(recordsUntilUsedUp(15)).toBe(recordsUntilUsedUp(1_000_000));
  });
});
