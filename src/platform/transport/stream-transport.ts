import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type KernelPort, noKernel } from '../../connection/record-layer.ts';
import { loadAddon } from '../addon/addon.ts';
import { type DirectWriter, directWriter } from './direct-writer.ts';
import { hasSystemHandle, type ReadControl, takeReads } from './socket-reads.ts';
import type { Transport, TransportReceiver } from './transport.ts';

/** Any Duplex. A socket is read into a large buffer and, where the addon has calls for it, written to without its stream. */
export class StreamTransport implements Transport {
  readonly kernel: KernelPort;
  readonly #stream: Duplex;
  readonly #direct: DirectWriter | undefined;
  readonly #isOfSystem: boolean;
  #reads: ReadControl | undefined;
  #bytesReceived = 0;

  constructor(stream: Duplex, whyNoKernel: string) {
    this.#stream = stream;
    this.#isOfSystem = hasSystemHandle(stream);
    this.kernel = noKernel(whyNoKernel);
    const loaded = loadAddon();
    const calls = 'refused' in loaded ? undefined : loaded.addon.kernel;
    this.#direct = calls && stream instanceof Socket ? directWriter(stream, calls) : undefined;
    // close_notify may still have to leave after the peer's FIN.
    stream.allowHalfOpen = true;
  }

  get pending(): number {
    return this.#direct?.pending ?? this.#stream.writableLength;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get isDirect(): boolean {
    return this.#direct !== undefined;
  }

  get isDoneWithMemory(): boolean {
    return this.#isOfSystem;
  }

  /** libuv tells a socket's bytes, in a callback of their own. */
  get waitsForTicks(): boolean {
    return this.#isOfSystem && this.#reads !== undefined;
  }

  start(receiver: TransportReceiver): void {
    const take = (bytes: Uint8Array, room?: number): void => {
      this.#bytesReceived += bytes.length;
      receiver.bytes(bytes, room);
    };
    const stream = this.#stream;
    stream.on('end', () => receiver.end());
    stream.on('error', (error) => receiver.error(error));
    stream.on('close', () => receiver.closed());
    this.#reads = takeReads(stream, { bytes: take, end: () => receiver.end() });
    if (this.#reads) readAhead(stream, take);
    else stream.on('data', (bytes: Uint8Array) => take(bytes));
    this.resume();
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#direct) this.#direct.write(bytes, done);
    else this.#stream.write(bytes, done);
  }

  writeNow(bytes: Uint8Array): number {
    return this.#direct?.send(bytes) ?? 0;
  }

  cork(): void {
    if (!this.#direct) this.#stream.cork();
  }

  uncork(): void {
    if (!this.#direct) this.#stream.uncork();
  }

  end(done: () => void): void {
    if (this.#direct) this.#direct.end(done);
    else this.#stream.end(done);
  }

  pause(): void {
    if (this.#reads) this.#reads.stop();
    else this.#stream.pause();
  }

  resume(): void {
    if (this.#reads) this.#reads.start();
    else this.#stream.resume();
  }

  ref(): void {}

  unref(): void {}

  destroy(): void {
    this.#stream.destroy();
  }
}

/** What a stream that was in use before has read already, as with STARTTLS. */
function readAhead(stream: Duplex, take: (bytes: Uint8Array) => void): void {
  for (let bytes: unknown = stream.read(); bytes instanceof Uint8Array; bytes = stream.read()) take(bytes);
}
