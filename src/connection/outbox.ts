import type { ContentTypeByte } from '../protocol/content-type.ts';
import type { RecordSealer } from '../record/protection.ts';
import type { ByteSink } from './record-layer.ts';
import { WaitingMemory } from './waiting-memory.ts';

type Done = (error?: Error | null) => void;

/**
 * Collects records so that those which belong together leave in one system call. Where the sink takes bytes at once, they are sealed
 * into memory that all connections share: allocating 256 KiB for each large write costs a tenth of sealing it. It is one outbox's at a time:
 * who needs it while another holds it, as when an event that is told makes somebody write, has that one send what is there first.
 */
export class Outbox {
  readonly #sink: ByteSink;
  readonly #onTaken: () => void;
  /** Bytes of {@link shared} that are this outbox's; none between calls. */
  #length = 0;
  #done: Done[] = [];
  /** Nothing is sent any more: why. */
  #gone: (() => Error) | undefined;

  /** `onTaken`: the system took something that had to wait. */
  constructor(sink: ByteSink, onTaken: () => void) {
    this.#sink = sink;
    this.#onTaken = onTaken;
  }

  /** `bytes` as they are. */
  add(bytes: Uint8Array, done: Done): void {
    const joins = bytes.length <= (this.#length > 0 ? mediumLength : smallLength);
    if (this.#sink.isDirect && joins && this.#makeRoom(bytes.length)) {
      shared.set(bytes, this.#length);
      this.#append(bytes.length, done);
    } else {
      this.flush();
      this.#send(bytes, done, false);
    }
  }

  /** What is larger than {@link shared} leaves part by part while the sink takes it, each as soon as it is sealed. */
  seal(sealer: RecordSealer, type: ContentTypeByte, fragment: Uint8Array, done: Done): void {
    let rest = fragment;
    for (; rest.length > partLength && this.#sealNow(sealer, type, rest.subarray(0, partLength), ignore); this.flush())
      rest = rest.subarray(partLength);
    if (this.#sealNow(sealer, type, rest, done)) return;
    this.flush();
    if (!this.#refuses(done)) this.#sealAside(sealer, type, rest, done);
  }

  /** Into memory that is this write's until it is done. */
  #sealAside(sealer: RecordSealer, type: ContentTypeByte, fragment: Uint8Array, done: Done): void {
    const length = sealer.sealedLength(fragment.length);
    if (length < smallLength || !this.#sink.isDoneWithMemory) {
      this.#write(sealer.seal(type, fragment), done);
      return;
    }
    const room = waiting.take(length);
    sealer.sealInto(type, fragment, room, 0);
    this.#write(room, (error) => {
      waiting.giveBack(room);
      done(error);
    });
  }

  /** False: there is no room, or the sink takes nothing at once. */
  #sealNow(sealer: RecordSealer, type: ContentTypeByte, fragment: Uint8Array, done: Done): boolean {
    const length = sealer.sealedLength(fragment.length);
    if (!this.#sink.isDirect || this.#sink.pending > 0 || !this.#makeRoom(length)) return false;
    // Who was told that there is room may have given all up.
    if (!this.#refuses(done)) this.#append(sealer.sealInto(type, fragment, shared, this.#length), done);
    return true;
  }

  /** Nothing is left behind in shared memory. To be called before anything that is no `add` or `seal`. */
  flush(): void {
    if (holder === this) holder = undefined;
    if (this.#length === 0) return;
    const length = this.#length;
    const all = this.#done;
    this.#length = 0;
    const only = all.length === 1 ? all.pop() : undefined;
    if (only) {
      this.#send(shared.subarray(0, length), only, true);
      return;
    }
    this.#done = [];
    const done: Done = (error) => {
      for (const one of all) one(error);
    };
    this.#send(shared.subarray(0, length), done, true);
  }

  /** For good. Tells those whose bytes have not been sent. */
  giveUp(error: () => Error): void {
    this.#gone = error;
    const all = this.#done;
    if (holder === this) holder = undefined;
    this.#length = 0;
    this.#done = [];
    for (const done of all) done(error());
  }

  /** Once all is given up. */
  #refuses(done: Done): boolean {
    if (this.#gone) done(this.#gone());
    return this.#gone !== undefined;
  }

  #append(length: number, done: Done): void {
    this.#length += length;
    this.#done.push(done);
  }

  #makeRoom(length: number): boolean {
    // What is told when bytes leave may make somebody write again.
    if (this.#length + length > shared.length) this.flush();
    while (holder !== undefined && holder !== this) holder.flush();
    holder = this;
    return length <= shared.length;
  }

  #send(bytes: Uint8Array, done: Done, isShared: boolean): void {
    if (this.#refuses(done)) return;
    const sent = this.#sink.isDirect ? this.#sink.writeNow(bytes) : 0;
    if (sent === bytes.length) done();
    else if (isShared && this.#sink.isDirect) this.#writeCopy(bytes.subarray(sent), done);
    else if (isShared) this.#write(bytes.slice(sent), done);
    else this.#write(sent === 0 ? bytes : bytes.subarray(sent), done);
  }

  /** Where the sink is done with the bytes when it says so: a stream that is no socket may hand them on. */
  #writeCopy(bytes: Uint8Array, done: Done): void {
    const copy = waiting.copy(bytes);
    this.#write(copy, (error) => {
      waiting.giveBack(copy);
      done(error);
    });
  }

  #write(bytes: Uint8Array, done: Done): void {
    this.#sink.write(bytes, (error) => {
      done(error);
      this.#onTaken();
    });
  }
}

/** Larger ones are not copied only to leave together with others. */
const smallLength = 16_384 + 256;

/** Larger ones are not copied even where something waits to leave with them. */
const mediumLength = 65_536;

/** Of whole records. */
const partLength = 256 * 1024;

/** For what the system has not taken at once. */
const waiting = new WaitingMemory();

/** Who may have bytes in {@link shared}. */
let holder: Outbox | undefined;

/** A part in records, and their overhead. */
const shared = new Uint8Array(partLength + 16 * 64);

const ignore = (): void => {};
