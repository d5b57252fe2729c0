import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { constants, release } from 'node:os';
import { loadAddon } from '../../src/platform/addon/addon.ts';
import { type KernelCalls, PollEvent, ReceiveStop, type SocketPoll } from '../../src/platform/kernel/kernel-calls.ts';
import type { ProtocolVersionNumber } from '../../src/protocol/version.ts';
import type { AeadName, TrafficKeys } from '../../src/record/traffic-keys.ts';

/** Bare descriptors of a TCP connection, for tests of the addon alone: no libuv stream is on them. */

const loaded = loadAddon();
if ('refused' in loaded) throw new Error(loaded.refused);
if (!loaded.addon.kernel) throw new Error('kernel TLS is Linux only');
export const calls: KernelCalls = loaded.addon.kernel;

/** Negative, as the addon has them. */
export const errno = {
  EAGAIN: -constants.errno.EAGAIN,
  EBADF: -constants.errno.EBADF,
  EBADMSG: -constants.errno.EBADMSG,
  EBUSY: -constants.errno.EBUSY,
  EEXIST: -constants.errno.EEXIST,
  EINVAL: -constants.errno.EINVAL,
  EMSGSIZE: -constants.errno.EMSGSIZE,
  ENOPROTOOPT: -constants.errno.ENOPROTOOPT,
  EKEYEXPIRED: -127,
};

const [major = 0, minor = 0] = release().split('.').map(Number);

/** Since Linux 6.14. */
export const rekeys = major > 6 || (major === 6 && minor >= 14);

export function someKeys(version: ProtocolVersionNumber = 0x0304, aead: AeadName = 'aes-128-gcm'): TrafficKeys {
  const key = randomBytes(aead === 'aes-128-gcm' ? 16 : 32);
  return { version, aead, key, iv: randomBytes(12), sequenceNumber: 0n };
}

const open = new Set<number | SocketPoll>();

export function closeAll(): void {
  for (const thing of open) close(thing);
}

function close(thing: number | SocketPoll): void {
  open.delete(thing);
  if (typeof thing === 'number') calls.closeFd(thing);
  else thing.close();
}

export async function tcpPair() {
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = [connect((server.address() as AddressInfo).port, '127.0.0.1'), await accepted];
  server.close();
  const [near = -1, far = -1] = sockets.map((socket) =>
    calls.duplicate(Reflect.get(Reflect.get(socket, '_handle'), 'fd')),
  );
  open.add(near).add(far);
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.destroy().once('close', resolve))));
  return { near, far, close };
}

/** Reads a descriptor through a SocketPoll. */
export class Receiver {
  readonly fd: number;
  readonly poll: SocketPoll;
  #waiting: (() => void) | undefined;

  constructor(fd: number) {
    this.fd = fd;
    this.poll = new calls.SocketPoll(fd, () => {
      this.poll.stop();
      this.#waiting?.();
    });
    open.add(this.poll);
  }

  ready(): Promise<void> {
    this.poll.start(PollEvent.readable);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** One receiveMany() into a buffer of its own, in a form fit for comparison. */
  many(room = 200_000): { stop: ReceiveStop; data: string; type?: number; control?: string; error?: number } {
    const buffer = Buffer.alloc(room);
    const stop = this.poll.receiveMany(buffer, 0, room);
    const [dataLength = 0, type = 0, controlLength = 0, error = 0] = this.poll.state;
    const data = buffer.toString('latin1', 0, dataLength);
    if (stop === ReceiveStop.failed) return { stop, data, error };
    if (stop !== ReceiveStop.control) return { stop, data };
    return { stop, data, type, control: buffer.toString('latin1', dataLength, dataLength + controlLength) };
  }
}

/** Exactly `length` bytes of application data, or an error for anything else. */
export async function receiveAll(receiver: Receiver, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let received = 0; received < length; ) {
    const { stop, data, error } = receiver.many();
    parts.push(Buffer.from(data, 'latin1'));
    received += data.length;
    if (stop === ReceiveStop.blocked && received < length) await receiver.ready();
    else if (stop !== ReceiveStop.blocked && stop !== ReceiveStop.full) throw new Error(`stopped: ${stop} ${error}`);
  }
  return Buffer.concat(parts);
}

/** Sends all of it, waiting where there is no room. A control record goes whole or not at all. */
export async function untilSent(fd: number, bytes: Uint8Array, type = 23): Promise<number> {
  let offset = 0;
  while (offset < bytes.length) {
    const rest = bytes.subarray(offset);
    const sent = type === 23 ? calls.send(fd, rest) : calls.sendRecord(fd, type, rest);
    if (sent >= 0) offset += sent;
    else if (sent === errno.EAGAIN) await new Promise(setImmediate);
    else throw new Error(`sendmsg ${sent}`);
  }
  return offset;
}

/** The kernel's counters: what really went through its TLS. */
export function tlsStat(): { TlsTxSw: number; TlsRxSw: number; TlsDecryptError: number } {
  const count = (name: string) => {
    const match = readFileSync('/proc/net/tls_stat', 'utf8').match(new RegExp(`^${name}\\s+(\\d+)$`, 'm'));
    if (!match) throw new Error(`/proc/net/tls_stat has no ${name}`);
    return Number(match[1]);
  };
  return { TlsTxSw: count('TlsTxSw'), TlsRxSw: count('TlsRxSw'), TlsDecryptError: count('TlsDecryptError') };
}
