import { type KernelPort, noKernel } from '../connection/record-layer.ts';
import type { Transport, TransportReceiver } from '../platform/transport/transport.ts';
import type { Capture } from './capture.ts';
import type { CaptureFlow } from './capture-flow.ts';

/** Takes down what passes through another transport. It passes as fast as it can be taken down, so that nothing piles up. */
export class CapturedTransport implements Transport {
  readonly kernel: KernelPort = noKernel(whyNoKernel);
  readonly #inner: Transport;
  readonly #capture: Capture;
  readonly #flow: CaptureFlow;
  #paused = false;
  #held = false;

  constructor(inner: Transport, capture: Capture, flow: CaptureFlow) {
    this.#inner = inner;
    this.#capture = capture;
    this.#flow = flow;
  }

  get pending(): number {
    return this.#inner.pending;
  }

  get isDirect(): boolean {
    return this.#inner.isDirect;
  }

  get waitsForTicks(): boolean {
    return this.#inner.waitsForTicks;
  }

  /** The capture keeps what is sent until it is in the file. */
  get isDoneWithMemory(): boolean {
    return false;
  }

  get bytesReceived(): number {
    return this.#inner.bytesReceived;
  }

  start(receiver: TransportReceiver): void {
    this.#inner.start({
      get wanted() {
        return receiver.wanted;
      },
      get peerClosed() {
        return receiver.peerClosed;
      },
      bytes: (chunk) => {
        this.#flow.received(chunk);
        receiver.bytes(chunk);
        this.#keepPace();
      },
      opened: (records) => receiver.opened(records),
      end: () => {
        this.#flow.receivedEnd();
        receiver.end();
      },
      error: (error) => receiver.error(error),
      closed: () => {
        this.#flow.close();
        receiver.closed();
      },
    });
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.#flow.sent(bytes);
    this.#inner.write(bytes, (error) => {
      if (error) done(error);
      else this.#capture.whenReady(() => done());
    });
  }

  writeNow(bytes: Uint8Array): number {
    if (this.#capture.blocked) return 0;
    const sent = this.#inner.writeNow(bytes);
    if (sent > 0) this.#flow.sent(bytes.subarray(0, sent));
    return sent;
  }

  cork(): void {
    this.#inner.cork();
  }

  uncork(): void {
    this.#inner.uncork();
  }

  end(done: () => void): void {
    this.#flow.sentEnd();
    this.#inner.end(done);
  }

  pause(): void {
    this.#paused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#held) this.#inner.resume();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  destroy(): void {
    this.#flow.close();
    this.#inner.destroy();
  }

  #keepPace(): void {
    if (!this.#capture.blocked || this.#held) return;
    this.#held = true;
    this.#inner.pause();
    this.#capture.whenReady(() => {
      this.#held = false;
      if (!this.#paused) this.#inner.resume();
    });
  }
}

export const whyNoKernel = 'a capture was asked for, and what the kernel seals and opens cannot be seen by it';
