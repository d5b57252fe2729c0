import type { KernelPort, KernelRefusal, Refused } from '../../connection/record-layer.ts';
import { secretBytes } from '../../protocol/secret-bytes.ts';
import { cryptoInfoLength, decodeCryptoInfo, encodeCryptoInfo, wipeTrafficKeys } from '../../record/crypto-info.ts';
import type { TrafficKeys } from '../../record/traffic-keys.ts';
import { Errno, errorName, systemError } from '../system-error.ts';
import { type KernelCalls, KernelDirection } from './kernel-calls.ts';

/** What the kernel should be tried for. */
export interface KernelPolicy {
  /** Whether reads may be given to it at all. */
  readonly mayRead: boolean;
  /** Whether it is to have connections from their beginning. */
  readonly isMeant?: boolean;
  /** See {@link KernelPort}. */
  refuses(direction: 'read' | 'write', keys: TrafficKeys, fileBytes: number): KernelRefusal | undefined;
  /** Whether the kernel can change the keys of what it carries. */
  rekeys(keys: TrafficKeys): boolean;
}

/** What the kernel layer needs of the socket that it is installed on. */
export interface KernelSocket {
  /** Negative once closed. */
  readonly descriptor: number;
  keysInstalled(direction: 'read' | 'write'): void;
  whenWritable(callback: () => void): void;
}

/** Kernel TLS of one TCP socket (Linux, Documentation/networking/tls.rst). */
export class KernelTls implements KernelPort {
  readonly #calls: KernelCalls;
  readonly #policy: KernelPolicy;
  readonly #socket: KernelSocket;
  readonly #installed: { read?: Pick<TrafficKeys, 'aead'>; write?: Pick<TrafficKeys, 'aead'> } = {};
  #attached = false;

  constructor(calls: KernelCalls, policy: KernelPolicy, socket: KernelSocket) {
    this.#calls = calls;
    this.#policy = policy;
    this.#socket = socket;
  }

  get mayRead(): boolean {
    return this.#policy.mayRead;
  }

  refuses(direction: 'read' | 'write', keys: TrafficKeys, fileBytes: number): KernelRefusal | undefined {
    return this.#policy.refuses(direction, keys, fileBytes);
  }

  rekeys(keys: TrafficKeys): boolean {
    return this.#policy.rekeys(keys);
  }

  prepare(): void {
    const { descriptor } = this.#socket;
    // Why it cannot be is found out again when there are keys.
    if (this.#policy.isMeant && descriptor >= 0) this.#attach(descriptor);
  }

  install(direction: 'read' | 'write', keys: TrafficKeys): Refused | undefined {
    const { descriptor } = this.#socket;
    if (descriptor < 0) return { refused: 'the socket is closed' };
    const refused = this.#attach(descriptor) ?? installKeys(this.#calls, descriptor, direction, keys);
    if (refused) return refused;
    this.#installed[direction] = { aead: keys.aead };
    this.#socket.keysInstalled(direction);
    return undefined;
  }

  sendRecord(type: number, fragment: Uint8Array): 'sent' | 'blocked' {
    const sent = this.#calls.sendRecord(this.#socket.descriptor, type, fragment);
    if (sent === -Errno.again) return 'blocked';
    if (sent < 0) throw systemError(sent, 'sendmsg');
    return 'sent';
  }

  sendFile(file: number, offset: number, length: number): number | 'blocked' | 'refused' {
    if (file < 0) return 'refused';
    const sent = this.#calls.sendFile(this.#socket.descriptor, file, offset, length);
    if (sent === -Errno.again) return 'blocked';
    if (ofSocket.has(-sent)) throw systemError(sent, 'sendfile');
    // sendfile(2) has one number for faults of either side. Where the socket was at fault after all, sending what was read fails as well.
    return sent < 0 ? 'refused' : sent;
  }

  sequenceNumber(direction: 'read' | 'write'): bigint | undefined {
    const keys = this.#installed[direction];
    const { descriptor } = this.#socket;
    if (!keys || descriptor < 0) return undefined;
    const cryptoInfo = secretBytes(cryptoInfoLength(keys.aead));
    const length = this.#calls.readKeys(descriptor, KernelDirection[options[direction]], cryptoInfo);
    const found = length === cryptoInfo.length ? decodeCryptoInfo(cryptoInfo) : undefined;
    cryptoInfo.fill(0);
    if (found) wipeTrafficKeys(found);
    return found?.sequenceNumber;
  }

  /**
   * Installs the read keys that the kernel has once more. Linux 6.14 and later opens nothing behind a handshake record that begins like a
   * KeyUpdate until it has keys: also where the record only goes on with a message that began in another, or has but the beginning of a KeyUpdate.
   * Who has received a whole one installs the next keys at once and does not come here.
   */
  confirmReadKeys(): boolean {
    const keys = this.#installed.read;
    const { descriptor } = this.#socket;
    if (!keys || descriptor < 0) return false;
    const cryptoInfo = secretBytes(cryptoInfoLength(keys.aead));
    const { TLS_RX } = KernelDirection;
    const isKnown = this.#calls.readKeys(descriptor, TLS_RX, cryptoInfo) === cryptoInfo.length;
    const isInstalled = isKnown && this.#calls.installKeys(descriptor, TLS_RX, cryptoInfo) === 0;
    cryptoInfo.fill(0);
    return isInstalled;
  }

  whenWritable(callback: () => void): void {
    this.#socket.whenWritable(callback);
  }

  #attach(descriptor: number): Refused | undefined {
    if (this.#attached) return undefined;
    const refused = attachUlp(this.#calls, descriptor);
    this.#attached = refused === undefined;
    return refused;
  }
}

/** Puts the socket under the kernel's TLS, which then waits for keys. */
export function attachUlp(calls: KernelCalls, descriptor: number): Refused | undefined {
  return refusal('TCP_ULP', calls.attachUlp(descriptor), attachReasons);
}

/** The last thing that can fail: all that went before must have reached the kernel. The struct is wiped. */
export function installKeys(
  calls: KernelCalls,
  descriptor: number,
  direction: 'read' | 'write',
  keys: TrafficKeys,
): Refused | undefined {
  const option = options[direction];
  const cryptoInfo = encodeCryptoInfo(keys);
  const result = calls.installKeys(descriptor, KernelDirection[option], cryptoInfo);
  cryptoInfo.fill(0);
  return refusal(option, result, installReasons);
}

const options = { read: 'TLS_RX', write: 'TLS_TX' } as const;

function refusal(option: string, errno: number, reasons: Readonly<Record<string, string>>): Refused | undefined {
  if (errno >= 0) return undefined;
  const name = errorName(errno);
  return { refused: `${reasons[name] ?? 'the kernel refused'} (${option}: ${name})`, code: name };
}

const attachReasons = {
  ENOENT: 'this kernel has no TLS: the module tls is neither built in nor loadable',
  ENOTCONN: 'the connection was half closed already',
  ENOPROTOOPT: 'this kernel is older than 4.13 and knows no TCP_ULP',
  EEXIST: 'another upper layer protocol is on this socket',
};

const installReasons = {
  ENOENT: 'this kernel lacks the cipher',
  EBUSY: 'this kernel cannot change keys, Linux 6.14 and later can',
  EINVAL: 'this kernel does not know the cipher or version',
  ENOTCONN: 'the connection was closed already',
};

/** What sendfile(2) can only mean of the socket (asm-generic/errno.h): EPIPE, ECONNRESET, ETIMEDOUT. */
const ofSocket: ReadonlySet<number> = new Set([32, 104, 110]);
