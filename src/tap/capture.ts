import { createWriteStream, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { interfaceDescription, LINKTYPE_RAW, sectionHeader } from '../pcap/pcapng-writer.ts';
import { CaptureFlow, type FlowEnds } from './capture-flow.ts';

/**
 * Takes down what connections send and receive, with the secrets to read it, as a pcapng file. Given to connections by the option
 * `capture`; any number may share one. `target`: a path, whose file is replaced and that only its owner can read if it is new; or a stream.
 * Throws a system error if the file cannot be opened.
 */
export function captureTo(target: string | Writable): Capture {
  if (typeof target !== 'string') return new Capture(target);
  return new Capture(createWriteStream('', { fd: openSync(target, 'w', 0o600) }), { isOwn: true });
}

/** A file of packets, while it is written. What goes wrong with it is told by a warning, and ends the capture but no connection. */
export class Capture {
  readonly #stream: Writable;
  /** Nobody else closes it. */
  readonly #isOwn: boolean;
  /** Whose handshakes are not done. */
  readonly #held = new Set<CaptureFlow>();
  #blocked = false;
  #ended = false;
  #waiting: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  constructor(stream: Writable, { isOwn = false }: { readonly isOwn?: boolean } = {}) {
    this.#stream = stream;
    this.#isOwn = isOwn;
    stream.on('drain', () => this.#unblock());
    stream.on('error', (error) => this.#fail(error));
    stream.on('close', () => this.#stop());
    this.#write(sectionHeader({ application: 'ktls' }));
    this.#write(interfaceDescription({ linkType: LINKTYPE_RAW, name: 'ktls', comment: origin }));
  }

  /** What has been taken down waits for the stream: whoever brings more should wait too, by {@link whenReady}. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Calls back once the stream takes more, or at once. */
  whenReady(callback: () => void): void {
    if (this.#blocked) this.#waiting.push(callback);
    else callback();
  }

  /** For this library's sockets: a connection between two ends. */
  open(ends: FlowEnds): CaptureFlow {
    const flow: CaptureFlow = new CaptureFlow(ends, {
      write: (block) => this.#write(block),
      released: () => void this.#held.delete(flow),
    });
    this.#held.add(flow);
    return flow;
  }

  /**
   * Writes what is left and ends the stream. What connections still send is not captured. Resolves when the stream has all of it, and a file of
   * ours is closed: also where it failed before, and however often it is called.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    for (const flow of this.#held) flow.release();
    this.#stop();
    const stream = this.#stream;
    if (stream.closed) return;
    await new Promise<void>((resolve) => {
      stream.once('close', resolve);
      // A stream that was given may have a reader that is yet to come: it has all when it has finished.
      if (!stream.destroyed) stream.end(this.#isOwn ? undefined : resolve);
      else if (!this.#isOwn) resolve();
    });
  }

  #write(block: Uint8Array): void {
    if (this.#ended) return;
    if (!this.#stream.write(block)) this.#blocked = true;
    // Connections wait, but there can always be more of them.
    if (this.#stream.writableLength > mostWaiting) this.#fail(new Error(`more than ${mostWaiting} bytes wait for it`));
  }

  #unblock(): void {
    this.#blocked = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }

  #fail(error: Error): void {
    process.emitWarning(`A capture could not be written and has ended: ${error.message}`, {
      code: 'KTLS_CAPTURE_FAILED',
    });
    this.#stop();
    // What waits in it is of no use any more, and may be much.
    this.#stream.destroy();
  }

  #stop(): void {
    this.#ended = true;
    // What they hold back goes nowhere.
    for (const flow of this.#held) flow.release();
    this.#held.clear();
    this.#unblock();
  }
}

const mostWaiting = 64 * 1024 * 1024;
const origin =
  'Taken down inside the process: addresses and times are real, TCP and IP headers are made up around what was sent and received';
