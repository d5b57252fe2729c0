import type { Socket } from 'node:net';
import { Alert, type AlertDescription } from '../../protocol/alert.ts';
import { type KernelCalls, PollEvent, ReceiveStop, type SocketPoll } from '../kernel/kernel-calls.ts';
import { type KernelPolicy, KernelTls } from '../kernel/kernel-tls.ts';
import { allocateRecords } from '../records/record-memory.ts';
import { Errno, systemError } from '../system-error.ts';
import { type DirectWriter, directWriter } from './direct-writer.ts';
import { readBuffer, readRoom } from './socket-reads.ts';
import type { TcpHandle } from './tcp-handle.ts';
import type { Transport, TransportReceiver } from './transport.ts';

/**
 * A TCP socket on Linux. Writing is the net.Socket's. Receiving is our own, on a duplicate of the descriptor: libuv's read() fails
 * for good with EIO at the first record that is not application data, so it must never read where the kernel opens records.
 */
export class PollTransport implements Transport {
  readonly kernel: KernelTls;
  readonly #socket: Socket;
  readonly #poll: SocketPoll;
  readonly #direct: DirectWriter | undefined;
  #receiver: TransportReceiver | undefined;
  #kernelReads = false;
  /** The read keys were installed once more, and nothing has come since. */
  #confirmed = false;
  #reading = false;
  #ended = false;
  #scheduled = false;
  #writableCallbacks: (() => void)[] = [];
  #bytesReceived = 0;

  /** `handle` is the socket's, from tcpHandle. Throws a system error when the descriptor cannot be duplicated. */
  constructor(options: { socket: Socket; handle: TcpHandle; calls: KernelCalls; policy: KernelPolicy }) {
    const { socket, handle, calls, policy } = options;
    this.#poll = new calls.SocketPoll(handle.fd, (status, events) => this.#onReady(status, events));
    this.#socket = socket;
    this.#direct = directWriter(socket, calls);
    stopReading(handle);
    socket.allowHalfOpen = true;
    this.kernel = new KernelTls(calls, policy, {
      get descriptor() {
        return socket.destroyed ? -1 : handle.fd;
      },
      keysInstalled: (direction) => {
        if (direction === 'read') this.#kernelReads = true;
      },
      whenWritable: (callback) => {
        this.#writableCallbacks.push(callback);
        this.#watch();
      },
    });
  }

  get pending(): number {
    return this.#direct?.pending ?? this.#socket.writableLength;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get waitsForTicks(): boolean {
    return false;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#socket.on('error', (error) => receiver.error(error));
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#poll.close();
      receiver.closed();
    });
    // What a socket that was in use before has read ahead, as with STARTTLS.
    const buffered: unknown = this.#socket.readableLength > 0 ? this.#socket.read() : null;
    if (buffered instanceof Uint8Array) {
      this.#bytesReceived += buffered.length;
      receiver.bytes(buffered);
    }
    this.resume();
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#direct) this.#direct.write(bytes, done);
    else this.#socket.write(bytes, done);
  }

  get isDirect(): boolean {
    return this.#direct !== undefined;
  }

  get isDoneWithMemory(): boolean {
    return true;
  }

  writeNow(bytes: Uint8Array): number {
    return this.#direct?.send(bytes) ?? 0;
  }

  cork(): void {}

  uncork(): void {}

  end(done: () => void): void {
    if (this.#direct) this.#direct.end(done);
    else this.#socket.end(done);
  }

  pause(): void {
    this.#reading = false;
    this.#watch();
  }

  resume(): void {
    if (this.#reading || this.#ended) return;
    this.#reading = true;
    this.#watch();
    // The kernel may hold opened data of which it has told, or will ever tell, nobody.
    if (this.#kernelReads) this.#readSoon();
  }

  ref(): void {
    this.#poll.ref();
    this.#socket.ref();
  }

  unref(): void {
    this.#poll.unref();
    this.#socket.unref();
  }

  destroy(): void {
    if (!this.#ended) this.#drain();
    this.#ended = true;
    this.#poll.close();
    this.#socket.destroy();
  }

  #watch(): void {
    if (this.#ended) return;
    const events = (this.#reading ? this.#whatToRead : 0) | (this.#writableCallbacks.length > 0 ? writable : 0);
    if (events === 0) this.#poll.stop();
    else this.#poll.start(events);
  }

  /**
   * What follows close_notify may be anything, and a record that the kernel cannot open would fail our next write, too. So nothing is received
   * then through the kernel: only the end of the connection is of interest.
   */
  get #isDone(): boolean {
    return this.#kernelReads && this.#receiver?.peerClosed === true;
  }

  get #whatToRead(): number {
    return this.#isDone ? disconnect : readable;
  }

  #onReady(status: number, events: number): void {
    if (this.#ended) return;
    // At an error libuv has stopped to watch, and says nothing of events: whoever waits finds out by trying.
    if (events & writable || status < 0) {
      const callbacks = this.#writableCallbacks;
      this.#writableCallbacks = [];
      this.#watch();
      for (const callback of callbacks) callback();
    }
    if (this.#ended) return;
    if (this.#isDone) this.#onDisconnect(status);
    // An error's cause is hidden by poll; receiving tells it.
    else if (events & readable || status < 0) this.#read();
  }

  /** Behind close_notify: a FIN says nothing new, and neither does a record that the kernel did not like. */
  #onDisconnect(status: number): void {
    const error = status < 0 ? this.#poll.takeError() : 0;
    if (status >= 0) this.#end();
    else if (error === 0 || (-error) in faults) this.#watch();
    else this.#receiveFailed(error);
  }

  /** What has arrived and nobody reads would have the system end the connection with a reset, which can overtake our last alert. */
  #drain(): void {
    for (let turn = 0, length = 1; turn < turns && length > 0; turn++)
      length = this.#poll.receive(shared, 0, shared.length);
  }

  #readSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#read();
    });
  }

  #read(): void {
    for (let turn = 0; this.#reading && !this.#ended; turn++) {
      if (this.#isDone) {
        this.#watch();
        return;
      }
      if (turn === turns) {
        this.#readSoon();
        return;
      }
      if (!(this.#kernelReads ? this.#readOpened() : this.#readBytes())) return;
    }
  }

  /** False: there is nothing more now. */
  #readBytes(): boolean {
    const receiver = this.#receiver;
    if (!receiver) return false;
    const buffer = readBuffer();
    const most = Math.min(receiver.wanted, buffer.length);
    const length = this.#poll.receive(buffer, 0, most);
    if (length < 0) return this.#receiveFailed(length);
    if (length === 0) return this.#end();
    this.#bytesReceived += length;
    receiver.bytes(buffer.subarray(0, length), readRoom);
    // A short read has emptied the socket; poll tells of more.
    return length === most;
  }

  #readOpened(): boolean {
    const receiver = this.#receiver;
    if (!receiver) return false;
    const stop = this.#poll.receiveMany(shared, 0, shared.length);
    const [dataLength = 0, controlType = 0, controlLength = 0, error = 0] = this.#poll.state;
    const end = dataLength + controlLength;
    this.#bytesReceived += end;
    // First what is copied: taking data may give away the memory that both lie in.
    const control =
      stop === ReceiveStop.control
        ? { type: controlType, fragment: Buffer.from(shared.subarray(dataLength, end)) }
        : undefined;
    const applicationData = dataLength > 0 ? take(dataLength) : undefined;
    const alert = stop === ReceiveStop.failed ? faults[-error] : undefined;
    const told = alert === undefined ? undefined : { alert, reason: faultReasons[alert] ?? '' };
    // A long turn that brought nothing was one of empty records.
    const fault = stop === ReceiveStop.full && end === 0 ? tooManyEmpty : told;
    if (applicationData || control || fault) {
      this.#confirmed = false;
      receiver.opened({ applicationData, control, fault });
    }
    if (error === -Errno.keyExpired && !this.#confirmed) {
      this.#confirmed = this.kernel.confirmReadKeys();
      if (this.#confirmed) return true;
      receiver.opened({ applicationData: undefined, control: undefined, fault: likeKeyUpdate });
      return false;
    }
    if (stop === ReceiveStop.failed && !fault) return this.#receiveFailed(error);
    if (stop === ReceiveStop.end) return this.#end();
    return (stop === ReceiveStop.full || stop === ReceiveStop.control) && !fault;
  }

  #receiveFailed(errno: number): boolean {
    if (errno === -Errno.again || this.#ended) return false;
    this.#reading = false;
    this.#watch();
    this.#socket.destroy(systemError(errno, 'read'));
    return false;
  }

  #end(): boolean {
    this.#reading = false;
    this.#watch();
    this.#receiver?.end();
    return false;
  }
}

/** For good: the stream would start again by itself whenever someone reads from it, or it flows. */
function stopReading(handle: TcpHandle): void {
  handle.readStop();
  handle.reading = true;
  Object.defineProperty(handle, 'readStart', { value: () => 0 });
}

/** Large reads give their memory away, small ones are copied out of it. */
function take(length: number): Uint8Array {
  if (length < gift) return Buffer.from(shared.subarray(0, length));
  const taken = shared.subarray(0, length);
  shared = allocateRecords(sharedLength);
  return taken;
}

const { readable, writable, disconnect } = PollEvent;

/** Reads before other work gets its turn. */
const turns = 16;

const sharedLength = 256 * 1024;
const gift = 128 * 1024;
let shared = Buffer.allocUnsafeSlow(sharedLength);

/** What the kernel says of a record that it could not open, as alerts (RFC 8446 §6.2). */
const faults: Readonly<Record<number, AlertDescription>> = {
  [Errno.badMessage]: Alert.badRecordMac,
  [Errno.messageSize]: Alert.recordOverflow,
  [Errno.inval]: Alert.decodeError,
};

const tooManyEmpty = { alert: Alert.unexpectedMessage, reason: 'too many empty records in a row' };

const likeKeyUpdate = {
  alert: Alert.unexpectedMessage,
  reason: 'a handshake record that the kernel takes for a change of keys, which it cannot follow',
};

const faultReasons: Readonly<Record<number, string>> = {
  [Alert.badRecordMac]: 'a record could not be authenticated',
  [Alert.recordOverflow]: 'a record was too long',
  [Alert.decodeError]: 'what arrived is no TLS record',
};
