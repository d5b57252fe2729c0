import { RekeyUnsupported } from '../errors/codes.ts';
import { ContentType, type ContentTypeByte } from '../protocol/content-type.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { advance, wipeTrafficKeys } from '../record/crypto-info.ts';
import { fragmentCount } from '../record/fragment.ts';
import { maxFragmentLength, type RecordSealer } from '../record/protection.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import { KeyUse, recordsPerKey } from './key-use.ts';
import type { WaitingKeys } from './key-watch.ts';
import { Outbox } from './outbox.ts';
import { type Done, type FileDone, type FilePart, giveUp, type Item, streamDestroyed } from './outgoing.ts';
import type { ByteSink, KernelPort, OnKeys, RecordLayerName, SoftwareLayer } from './record-layer.ts';
import { Barrier, WriteQueue } from './write-queue.ts';

/** The outgoing half of a connection: one ordered queue in front of whichever record layer carries it. */
export class WriteSide {
  layer: RecordLayerName = 'wasm';
  /** Why the layer is not `kernel`. */
  reason: string | undefined;
  /** Called when the layer changes, and when sending fails for good. */
  readonly onLayer: () => void;
  readonly onError: (error: Error) => void;
  readonly #sink: ByteSink;
  readonly #outbox: Outbox;
  readonly #software: SoftwareLayer;
  readonly #kernel: KernelPort;
  readonly #keyUsageLimit: number | undefined;
  readonly #onKeys: OnKeys;
  #keyUse: KeyUse | undefined;
  #engineRecords = 0;
  #canRekey = true;
  #sealer: RecordSealer | undefined;
  /** The sealer's keys as it was given them, where the kernel may have them once files are sent. */
  #offer: TrafficKeys | undefined;
  #fileBytes = 0;
  /** Bytes; set where fragments are to be smaller than they may be. */
  #fragmentLimit: number | undefined;
  #installed = false;
  #unsentControl = 0;
  #early = earlyRecords * earlyLength;
  readonly #queue: WriteQueue;

  constructor(options: {
    sink: ByteSink;
    software: SoftwareLayer;
    kernel: KernelPort;
    keyUsageLimit: number | undefined;
    onKeys: OnKeys;
    onLayer: () => void;
    onError: (error: Error) => void;
  }) {
    this.#sink = options.sink;
    this.#outbox = new Outbox(options.sink, () => {
      if (this.#queue.stands(Barrier.draining) && this.#sink.pending === 0) this.#queue.lower(Barrier.draining);
    });
    this.#queue = new WriteQueue(
      (item) => this.#send(item),
      () => this.#outbox.flush(),
      (error) => this.#fail(error),
    );
    this.#software = options.software;
    this.#kernel = options.kernel;
    this.#keyUsageLimit = options.keyUsageLimit;
    this.#onKeys = options.onKeys;
    this.onLayer = options.onLayer;
    this.onError = options.onError;
  }

  /** True when a record layer outside OpenSSL was chosen, or will be once earlier bytes have left. */
  get hasKeys(): boolean {
    return this.#installed;
  }

  /** Number of the next record; undefined where the layer does not tell. */
  get sequenceNumber(): bigint | undefined {
    return this.layer === 'kernel' ? this.#kernel.sequenceNumber('write') : this.#sealer?.sequenceNumber;
  }

  /**
   * Keys that wait for earlier bytes to leave, if there are such: the last of them, with the number that they will have for the next record
   * that is given, the layer that will have them, and how many changes of keys that is ahead. Undefined, too, where what waits behind
   * them is not counted in records yet.
   */
  get waitingKeys(): WaitingKeys | undefined {
    const { items } = this.#queue;
    const changes = items.filter((item) => item.kind === 'keys');
    const last = changes.at(-1);
    if (!last) return undefined;
    const behind = items.slice(items.indexOf(last) + 1);
    if (!behind.every((item) => item.kind === 'record' && item.type !== ContentType.applicationData)) return undefined;
    const { keys } = last;
    const layer = this.#kernel.refuses('write', keys, this.#fileBytes) ? 'native' : 'kernel';
    return { keys, sequenceNumber: keys.sequenceNumber + BigInt(behind.length), layer, changes: changes.length };
  }

  /** The layer that application data is to have, and why it is not `kernel`: that of keys that wait for what is before them, where there are some. */
  get coming(): { readonly layer: RecordLayerName; readonly reason: string | undefined } {
    const last = this.#queue.items.findLast((item) => item.kind === 'keys');
    if (!last) return this;
    const refusal = this.#kernel.refuses('write', last.keys, this.#fileBytes);
    return { layer: refusal ? 'native' : 'kernel', reason: refusal?.refused };
  }

  /** Records that are not application data and that the system has not taken. */
  get unsentControl(): number {
    return this.#unsentControl;
  }

  /** Application data is to be given in fragments of at most so many bytes, each of which is then a record of its own. */
  limitFragments(length: number): void {
    this.#fragmentLimit = length < maxFragmentLength ? length : undefined;
  }

  /** Whether the kernel can send files as they are: it cuts them at the largest fragment. */
  get sendsFiles(): boolean {
    return this.layer === 'kernel' && this.#fragmentLimit === undefined;
  }

  /** Whether the keys in use can be followed by others. */
  get canRekey(): boolean {
    return this.#canRekey;
  }

  /** To be asked before application data is sent: true once, when the keys have been used as often as they may. */
  usesUp(bytes: number): boolean {
    return this.#keyUse?.add(bytes) ?? false;
  }

  /** OpenSSL itself protects this direction's records, from the first of a key on. */
  countForEngine(limit: number): void {
    this.#engineRecords = 0;
    this.#keyUse = new KeyUse(this.#keyUsageLimit ?? limit, 0n, () => BigInt(this.#engineRecords));
  }

  /** To be asked before OpenSSL protects data: true once, when the keys have been used as often as they may. */
  engineUsesUp(bytes: number): boolean {
    const usesUp = this.usesUp(bytes);
    this.#engineRecords += fragmentCount(bytes);
    return usesUp;
  }

  /** Records that OpenSSL protected; `isControl`: none of them is application data. */
  ciphertext(bytes: Uint8Array, done: Done = ignore, isControl = false): void {
    this.#push({ kind: 'ciphertext', bytes, done: isControl ? this.#countControl(done) : done });
  }

  /** A record, or application data of any length. */
  record(type: ContentTypeByte, fragment: Uint8Array, done: Done = ignore): void {
    const counted = type === ContentType.applicationData ? done : this.#countControl(done);
    this.#push({ kind: 'record', type, fragment, done: counted });
  }

  /** Whether all that was given is sealed: nobody looks at its memory any more. */
  get hasSealedAll(): boolean {
    return this.layer === 'native' && this.#queue.items.length === 0;
  }

  /** So much of a file comes next: `done` is called when it is decided whether the kernel takes over for it. */
  expectFile(length: number, done: Done): void {
    this.#fileBytes += length;
    if (this.#offer) this.#push({ kind: 'takeOver', done });
    else done();
  }

  /** Sends from a file without reading it; only where the layer is `kernel`. */
  file(file: FilePart, done: FileDone): void {
    this.#push({ kind: 'file', file, done });
  }

  /** New keys for all that follows. They are wiped once installed. */
  installKeys(keys: TrafficKeys): void {
    this.#installed = true;
    this.#push({ kind: 'keys', keys });
  }

  /** FIN, behind all that was given before. */
  end(done: () => void): void {
    this.#push({ kind: 'end', done });
  }

  /** Nothing leaves until {@link release}. */
  hold(): void {
    this.#queue.raise(Barrier.held);
  }

  release(andWrite: () => void): void {
    this.#queue.lower(Barrier.held, andWrite);
  }

  /** What is given from here to {@link uncork} leaves together. */
  cork(): void {
    this.#queue.raise(Barrier.corked);
    this.#sink.cork();
  }

  uncork(): void {
    this.#queue.lower(Barrier.corked);
    this.#sink.uncork();
  }

  /** Wipes keys; what is queued is given up, and whoever waits for it is told. */
  dispose(): void {
    const items = this.#queue.leave();
    this.#giveUpSealer();
    this.#outbox.giveUp(streamDestroyed);
    for (const item of items) giveUp(item);
  }

  #countControl(done: Done): Done {
    this.#unsentControl++;
    return (error) => {
      this.#unsentControl--;
      done(error);
    };
  }

  #push(item: Item): void {
    if (this.#queue.isGone) giveUp(item);
    else this.#queue.push(item);
  }

  /** False: it has to wait, and is sent again when the system has taken what is before it. */
  #send(item: Item): boolean {
    switch (item.kind) {
      case 'ciphertext':
        this.#outbox.add(item.bytes, item.done);
        return true;
      case 'record':
        return this.layer === 'kernel' ? this.#sendThroughKernel(item) : this.#seal(item);
      case 'file':
        return this.#sendFile(item);
      case 'keys':
        return this.#change(item.keys);
      case 'takeOver':
        return this.#takeOver(item.done);
      case 'end':
        if (this.#mustDrain()) return false;
        this.#sink.end(item.done);
        return true;
    }
  }

  #seal({ type, fragment, done }: Item & { kind: 'record' }): boolean {
    if (!this.#sealer) throw new Error('a record was to be sent before there were keys');
    let rest = fragment;
    if (type === ContentType.applicationData && this.#early > 0) {
      for (; this.#early > 0 && rest.length > earlyLength; this.#early -= earlyLength) {
        this.#outbox.seal(this.#sealer, type, rest.subarray(0, earlyLength), ignore);
        rest = rest.subarray(earlyLength);
      }
      this.#early -= rest.length;
    }
    this.#outbox.seal(this.#sealer, type, rest, done);
    return true;
  }

  #sendThroughKernel(item: Item & { kind: 'record' }): boolean {
    if (item.type === ContentType.applicationData) {
      // One call of send() is cut at the largest fragment, whatever was given to it in pieces: a smaller one needs a call of its own.
      if (this.#fragmentLimit !== undefined && this.#mustDrain()) return false;
      this.#outbox.add(item.fragment, item.done);
      return true;
    }
    if (this.#mustDrain()) return false;
    if (this.#kernel.sendRecord(item.type, item.fragment) === 'blocked') return this.#waitUntilWritable();
    item.done();
    return true;
  }

  #sendFile({ file: { descriptor, offset, length }, done }: Item & { kind: 'file' }): boolean {
    if (this.#mustDrain()) return false;
    const sent = this.#kernel.sendFile(descriptor, offset, length);
    if (sent === 'blocked') return this.#waitUntilWritable();
    done(null, sent);
    return true;
  }

  #waitUntilWritable(): false {
    this.#queue.raise(Barrier.draining);
    this.#kernel.whenWritable(() => this.#queue.lower(Barrier.draining));
    return false;
  }

  #change(keys: TrafficKeys): boolean {
    const kernel = this.#kernel;
    const carried = this.layer === 'kernel';
    const refused = carried ? undefined : kernel.refuses('write', keys, this.#fileBytes);
    if (!refused) {
      // The kernel protects whatever it is given from then on, so nothing sealed before may still be on its way to it.
      if (this.#mustDrain()) return false;
      const refusal = kernel.install('write', keys);
      if (!refusal) {
        this.#countUse(keys);
        this.#onKeys(keys, 'kernel');
        this.#becomeKernel(keys);
        return true;
      }
      if (carried) {
        wipeTrafficKeys(keys);
        throw new RekeyUnsupported(refusal.refused);
      }
      this.reason = refusal.refused;
    } else {
      this.reason = refused.refused;
    }
    this.#giveUpSealer();
    this.#sealer = this.#software.sealer(keys);
    if (refused?.untilFiles) this.#offer = advance(keys, keys.sequenceNumber);
    this.#canRekey = keys.version === ProtocolVersion.tls13;
    this.#countUse(keys);
    this.#onKeys(keys, 'native');
    wipeTrafficKeys(keys);
    this.#become('native', this.reason);
    return true;
  }

  /** Gives the kernel the keys that the sealer has used so far: their use goes on to be counted. */
  #takeOver(done: Done): boolean {
    const [offer, sealer] = [this.#offer, this.#sealer];
    const refused = offer && this.#kernel.refuses('write', offer, this.#fileBytes);
    if (!offer || !sealer || refused?.untilFiles || this.#fragmentLimit !== undefined) {
      if (this.#fragmentLimit !== undefined) this.reason = limitedFragments;
      done();
      return true;
    }
    // As with a change of keys.
    if (!refused && this.#mustDrain()) return false;
    const next = advance(offer, sealer.sequenceNumber);
    const refusal = refused ?? this.#kernel.install('write', next);
    done();
    if (refusal) {
      this.reason = refusal.refused;
      this.#giveUpOffer();
      wipeTrafficKeys(next);
    } else {
      this.#becomeKernel(next);
    }
    return true;
  }

  #becomeKernel(keys: TrafficKeys): void {
    this.#canRekey = this.#kernel.rekeys(keys);
    wipeTrafficKeys(keys);
    this.#giveUpSealer();
    this.#become('kernel', undefined);
  }

  #giveUpSealer(): void {
    this.#sealer?.dispose();
    this.#sealer = undefined;
    this.#giveUpOffer();
  }

  #giveUpOffer(): void {
    if (this.#offer) wipeTrafficKeys(this.#offer);
    this.#offer = undefined;
  }

  #countUse({ aead, sequenceNumber }: TrafficKeys): void {
    this.#keyUse = new KeyUse(this.#keyUsageLimit ?? recordsPerKey(aead), sequenceNumber, () => this.sequenceNumber);
  }

  #become(layer: RecordLayerName, reason: string | undefined): void {
    this.reason = reason;
    if (this.layer === layer) return;
    this.layer = layer;
    this.onLayer();
  }

  #mustDrain(): boolean {
    this.#outbox.flush();
    if (this.#sink.pending === 0) return false;
    this.#queue.raise(Barrier.draining);
    return true;
  }

  #fail(error: Error): void {
    this.dispose();
    this.onError(error);
  }
}

const limitedFragments = 'fragments are limited, and the kernel would need a call for each';

const ignore = (): void => {};

/**
 * A record can be read only once all of it has arrived, and one of 16 KiB takes more than the first flight of a TCP connection, which is of
 * ten segments (RFC 6928 §2). So a connection's first data goes in records of one segment each: what remains of 1500 bytes behind the
 * headers of IPv6, TCP with timestamps, and the longest of records.
 */
const earlyRecords = 10;
const earlyLength = 1_390;
