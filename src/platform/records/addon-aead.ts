import { Buffer, type NonSharedBuffer } from 'node:buffer';
import { Alert } from '../../protocol/alert.ts';
import type { ContentTypeByte } from '../../protocol/content-type.ts';
import { fragmentCount } from '../../record/fragment.ts';
import { recordFraming } from '../../record/framing.ts';
import { headerLength } from '../../record/header.ts';
import type { OpenedRecords, RecordFault, RecordOpener, RecordSealer } from '../../record/protection.ts';
import type { AeadName, TrafficKeys } from '../../record/traffic-keys.ts';
import { loadAddon } from '../addon/addon.ts';
import type { RecordCipher, RecordCipherConstructor } from '../addon/addon-cryptography.ts';
import { OpenFault, OpenState, OpenStop } from '../addon/addon-cryptography.ts';
import { allocateRecords } from './record-memory.ts';

/** Seals through the addon. `keys` stay the caller's. */
export function createAddonSealer(keys: TrafficKeys): RecordSealer | { readonly refused: string } {
  const cipher = createCipher(keys, 'seal');
  return 'refused' in cipher ? cipher : new AddonSealer(cipher, recordFraming(keys.version, keys.aead).overhead);
}

/** Opens through the addon. `keys` stay the caller's. */
export function createAddonOpener(keys: TrafficKeys): RecordOpener | { readonly refused: string } {
  const cipher = createCipher(keys, 'open');
  return 'refused' in cipher ? cipher : new AddonOpener(cipher);
}

class AddonSealer implements RecordSealer {
  readonly #cipher: RecordCipher;
  readonly #overhead: number;

  constructor(cipher: RecordCipher, overhead: number) {
    this.#cipher = cipher;
    this.#overhead = overhead;
  }

  get sequenceNumber(): bigint {
    return this.#cipher.sequenceNumber;
  }

  sealedLength(length: number): number {
    return length + fragmentCount(length) * this.#overhead;
  }

  seal(type: ContentTypeByte, fragment: Uint8Array): Uint8Array {
    const output = allocate(this.sealedLength(fragment.length));
    this.sealInto(type, fragment, output, 0);
    return output;
  }

  sealInto(type: ContentTypeByte, fragment: Uint8Array, output: Uint8Array, offset: number): number {
    const length = this.sealedLength(fragment.length);
    // In a worker that is being terminated nothing may have been done, and what is in the memory must not be sent.
    if (this.#cipher.seal(type, fragment, output, offset) !== length) throw new Error('Records were not sealed');
    return length;
  }

  dispose(): void {
    this.#cipher.dispose();
  }
}

class AddonOpener implements RecordOpener {
  readonly #cipher: RecordCipher;
  readonly #state: RecordCipher['state'];

  constructor(cipher: RecordCipher) {
    this.#cipher = cipher;
    this.#state = cipher.state;
  }

  get sequenceNumber(): bigint {
    return this.#cipher.sequenceNumber;
  }

  open(input: Uint8Array): OpenedRecords {
    // The first record decides: while it is not whole there is nothing to make room for, only a header to be judged.
    const room = startsWithWholeRecord(input) ? takeRoom(input.length) : noRoom;
    const stop = this.#cipher.open(input, 0, input.length, room, 0);
    if (stop === undefined) throw new Error('Records were not opened');
    const state = this.#state;
    const dataLength = state[OpenState.applicationDataLength];
    const controlEnd = dataLength + state[OpenState.controlLength];
    const output =
      room.length > smallRoom && controlEnd * worthGiving < room.length ? keepRoom(room, controlEnd) : room;
    return {
      consumed: state[OpenState.consumed],
      applicationData: state[OpenState.applicationDataRecords] > 0 ? output.subarray(0, dataLength) : undefined,
      control:
        stop === OpenStop.control
          ? { type: state[OpenState.controlType], fragment: output.subarray(dataLength, controlEnd) }
          : undefined,
      fault: stop === OpenStop.fault ? faults[state[OpenState.fault]] : undefined,
    };
  }

  dispose(): void {
    this.#cipher.dispose();
  }
}

function createCipher(keys: TrafficKeys, use: 'seal' | 'open'): RecordCipher | { readonly refused: string } {
  const Cipher = findCipherClass(keys.aead);
  if ('refused' in Cipher) return Cipher;
  return new Cipher(keys.aead, keys.key, keys.iv, keys.sequenceNumber, keys.version, use === 'seal');
}

/** Asked once for each algorithm: libcrypto looks it up every time. */
function findCipherClass(aead: AeadName): RecordCipherConstructor | { readonly refused: string } {
  const found = classes.get(aead) ?? askForCipherClass(aead);
  classes.set(aead, found);
  return found;
}

const classes = new Map<AeadName, RecordCipherConstructor | { readonly refused: string }>();

function askForCipherClass(aead: AeadName): RecordCipherConstructor | { readonly refused: string } {
  const loaded = loadAddon();
  if ('refused' in loaded) return loaded;
  const { cryptography } = loaded.addon;
  if (!cryptography) return { refused: 'this process has no OpenSSL 3 that an addon could call' };
  const { RecordCipher } = cryptography;
  return RecordCipher.supports(aead) ? RecordCipher : { refused: `the process's libcrypto has no ${aead}` };
}

function startsWithWholeRecord(input: Uint8Array): boolean {
  const length = ((input[3] ?? 0) << 8) | (input[4] ?? 0);
  return input.length >= headerLength + length;
}

/** Small results share pooled memory, as Node's own do; a large one's memory goes when the result goes. */
function allocate(length: number): NonSharedBuffer {
  return length <= maxPooled ? Buffer.allocUnsafe(length) : allocateRecords(length);
}

const maxPooled = 4096;

/**
 * Memory to open `length` bytes of records into. A control record among them may leave most of it unused: then it serves for the rest of
 * them. Otherwise the memory taken for a delivery would be the square of its length.
 */
function takeRoom(length: number): NonSharedBuffer {
  const room = spare;
  if (room === undefined || room.length < length) return allocate(length);
  spare = undefined;
  return room;
}

/** Keeps `room` for the next call and answers a copy of what is in use of it. */
function keepRoom(room: NonSharedBuffer, used: number): NonSharedBuffer {
  const copy = Buffer.from(room.subarray(0, used));
  if (room.length > maxPooled && room.length > (spare?.length ?? 0)) spare = room;
  return copy;
}

/** Memory that is not used to a half is not given away, unless a copy would cost more than it saves. */
const worthGiving = 2;
const smallRoom = 256;

let spare: NonSharedBuffer | undefined;

const noRoom = Buffer.alloc(0);

const faults: Readonly<Record<OpenFault, RecordFault>> = {
  [OpenFault.wrongOuterType]: { alert: Alert.unexpectedMessage, reason: 'record without protection' },
  [OpenFault.wrongVersion]: { alert: Alert.decodeError, reason: 'record of another version' },
  [OpenFault.ciphertextTooLong]: { alert: Alert.recordOverflow, reason: 'record that is too long' },
  [OpenFault.notAuthentic]: { alert: Alert.badRecordMac, reason: 'record that does not authenticate' },
  [OpenFault.plaintextTooLong]: { alert: Alert.recordOverflow, reason: 'record with too much plaintext' },
  [OpenFault.noContentType]: { alert: Alert.unexpectedMessage, reason: 'record of nothing but padding' },
  [OpenFault.emptyControlRecord]: { alert: Alert.unexpectedMessage, reason: 'empty record that must not be empty' },
  [OpenFault.tooManyEmptyRecords]: { alert: Alert.unexpectedMessage, reason: 'too many empty records in a row' },
  [OpenFault.sequenceNumbersUsedUp]: {
    alert: Alert.internalError,
    reason: 'the sequence numbers of this key are used up',
  },
};
