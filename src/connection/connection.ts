import { RekeyUnsupported } from '../errors/codes.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import type { OpenedRecords, RecordFault } from '../record/protection.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import { Calls } from './calls.ts';
import { ControlBudget } from './control-budget.ts';
import { DataWrites } from './data-writes.ts';
import { EventQueue } from './event-queue.ts';
import type { ConnectionEvent, Failure } from './events.ts';
import { ExpectedAnswers, isLater } from './expected-answers.ts';
import { Farewell } from './farewell.ts';
import { Gate } from './gate.ts';
import type { Direction, Handshake, Inspection, Output } from './handshake.ts';
import type { KeyEpoch } from './key-epoch.ts';
import { KeyRenewal, noWay } from './key-renewal.ts';
import { KeyWatch } from './key-watch.ts';
import type { Negotiated } from './negotiated.ts';
import type { ConnectionOptions } from './options.ts';
import type { Done, FileDone, FilePart } from './outgoing.ts';
import { ReadSide } from './read-side.ts';
import type { RecordLayerName } from './record-layer.ts';
import { notOffloaded, RequiredLayers } from './required-layers.ts';
import { Turn } from './turn.ts';
import { giveUpOutputs, wipeOutputs } from './wiped-outputs.ts';
import { WriteSide } from './write-side.ts';

/**
 * One TLS connection without a socket: takes bytes or opened records, drives the handshake, moves records to the layers that carry them.
 * What it finds comes back as events; what is to be sent goes to the sink.
 */
export class Connection {
  readonly #handshake: Handshake;
  readonly #write: WriteSide;
  readonly #read: ReadSide;
  readonly #required: RequiredLayers;
  readonly #events: EventQueue;
  readonly #control = new ControlBudget();
  readonly #watch: KeyWatch;
  readonly #data: DataWrites;
  readonly #holdsLastFlight: boolean;
  #alertSeen: number | undefined;
  readonly #gate: Gate;
  readonly #farewell: Farewell;
  readonly #renewal: KeyRenewal;
  readonly #expected = new ExpectedAnswers();
  readonly #calls: Calls;
  readonly #carryOut = (outputs: readonly Output[]): void => this.#route(outputs);
  #negotiated: Negotiated | undefined;
  #isBehind = false;
  /** RFC 8446 §6.1: whatever follows close_notify must be ignored. */
  #peerClosed = false;
  #disposed = false;

  constructor(options: ConnectionOptions) {
    const { handshake, sink, software, kernel, keyUsageLimit } = options;
    const shared = { software, kernel, keyUsageLimit };
    const [ended, fail] = [() => this.#farewell.hasEnded, (failure: Failure) => this.#farewell.fail(failure)];
    this.#handshake = handshake;
    this.#required = new RequiredLayers(options.requireKernel, fail);
    this.#events = new EventQueue(options.onEvent);
    this.#holdsLastFlight = options.holdsLastFlight;
    this.#gate = new Gate({
      ...{ handshake, ended, budget: this.#control },
      deliver: (bytes) => this.#deliver(bytes),
      route: (outputs, then) => this.#answered(outputs, then),
      refuse: (fault) => this.#recordFault(fault),
    });
    this.#watch = new KeyWatch(this.#events, options);
    this.#read = new ReadSide({ ...shared, onKeys: (keys, layer) => this.#watch.installed('read', keys, layer) });
    this.#write = new WriteSide({
      ...shared,
      sink,
      onKeys: (keys, layer) => this.#watch.installed('write', keys, layer),
      onLayer: () => this.#layerChanged('write'),
      onError: (error) => this.#farewell.failBy(error),
    });
    this.#farewell = new Farewell(handshake, this.#write, this.#events);
    this.#calls = new Calls(this.#events, this.#write, this.#farewell, this.#expected);
    this.#renewal = new KeyRenewal({
      ...{ handshake, fail, read: this.#read, write: this.#write },
      negotiated: () => this.negotiated,
      route: (outputs) => this.#expected.carryOut(outputs, this.#carryOut),
    });
    this.#data = new DataWrites({
      ...{ handshake, ended, write: this.#write, expected: this.#expected, budget: this.#control },
      renewal: this.#renewal,
      route: (outputs, doneOf) => this.#route(outputs, doneOf),
    });
  }

  /** What has been agreed on: final once secure, and as far as it is known before. */
  get negotiated(): Negotiated {
    return this.#negotiated ?? this.#handshake.negotiated;
  }

  get inspection(): Inspection {
    return this.#handshake.inspection;
  }

  get layers(): { readonly read: RecordLayerName; readonly write: RecordLayerName } {
    return { read: this.#read.layer, write: this.#write.coming.layer };
  }

  /** Why a direction is not on the kernel. */
  get reasons(): { readonly read: string | undefined; readonly write: string | undefined } {
    return { read: this.#read.reason, write: this.#write.coming.reason };
  }

  /** How often each direction's keys were changed; undefined before there are any, and where OpenSSL keeps them. */
  get epochs(): { readonly read: number | undefined; readonly write: number | undefined } {
    return this.#watch.epochs;
  }

  /** With `exportsKeys`: a direction's keys for its next record, the caller's own to wipe; undefined where nobody tells them. */
  keys(direction: 'read' | 'write'): KeyEpoch | undefined {
    return this.#watch.next(direction, direction === 'read' ? this.#read : this.#write);
  }

  /** Nothing can be received or sent any more. */
  get ended(): boolean {
    return this.#farewell.hasEnded;
  }

  /** How many bytes may be given to {@link receive} without taking any that the kernel might have to open. */
  get wanted(): number {
    return this.#read.wanted;
  }

  /** The peer has said that it sends no more: nothing that still comes is of interest. */
  get peerClosed(): boolean {
    return this.#peerClosed;
  }

  /** What was received is not all dealt with, so that the turn ends in time: {@link goOn}, in another, before anything else is received. */
  get isBehind(): boolean {
    return this.#isBehind && !this.#farewell.hasEnded;
  }

  /** The handshake waits for the application, or is waited for, and what the peer sends is kept. */
  get isSuspended(): boolean {
    return (this.#expected.ofApplication || this.#expected.areThere) && !this.#farewell.hasEnded;
  }

  /** The handshake has still to answer what it was given. */
  get awaitsAnswer(): boolean {
    return this.#expected.areThere && !this.#farewell.hasEnded;
  }

  /** Does it when the handshake has answered all that it was given, as what it says may be why, or will answer no more. */
  behindAnswers(run: () => void): void {
    if (this.awaitsAnswer) this.#expected.behind(run, run);
    else run();
  }

  /** Bytes of a record that has not arrived whole: at the end of the stream, more than none means that it was cut off. */
  get partial(): number {
    return this.#read.partial;
  }

  /** Starts the handshake, or goes on after `question`. */
  resume(): ConnectionEvent[] {
    return this.#calls.collect(() => {
      this.#expected.ofApplication = false;
      this.#expected.carryOut(this.#handshake.resume(), this.#carryOut);
      this.#readOn();
    }, undefined);
  }

  /** What a handshake puts out that answered `later`, call by call. */
  answer(outputs: readonly Output[]): ConnectionEvent[] {
    if (this.#farewell.hasEnded) wipeOutputs(outputs);
    return this.#calls.collect(() => {
      this.#expected.give(outputs);
      this.#readOn();
    }, undefined);
  }

  /** What it puts out besides, in front of an answer. */
  told(outputs: readonly Output[]): ConnectionEvent[] {
    return this.#calls.collect(this.#carryOut, outputs);
  }

  /**
   * Takes bytes as the peer sent them; they must stay as they are until the call returns. `room`: how many bytes in front of them, in the
   * same memory, may be overwritten; with room for a record, no byte is copied more than once.
   */
  receive(bytes: Uint8Array, room = 0): ConnectionEvent[] {
    if (this.#peerClosed) return [];
    return this.#calls.collect(this.#take, { bytes, room });
  }

  /** Goes on with what was received before, where {@link isBehind}. */
  goOn(): ConnectionEvent[] {
    return this.#calls.collect(this.#readOn, undefined);
  }

  /** Takes what the kernel opened. */
  receiveOpened(records: Omit<OpenedRecords, 'consumed'>): ConnectionEvent[] {
    return this.#peerClosed ? [] : this.#calls.collect(this.#opened, records);
  }

  /** Application data, once secure; no part is empty, each starts a record, and none may change before `done`, unless true is answered: all is sealed. */
  write(parts: readonly Uint8Array[], done: Done): boolean {
    const given: Given = { parts, done, isWhole: false };
    this.#calls.submit(done, this.#give, given);
    // Sealed is what was given only now, as it leaves together.
    return given.isWhole && this.#write.hasSealedAll && !this.#expected.holds;
  }

  /** So much of a file is to be sent next: `done` is called once it is decided whether the kernel takes over for that. */
  expectFile(length: number, done: Done): void {
    this.#calls.submit(done, () => this.#write.expectFile(length, done), undefined);
  }

  /** Whether {@link sendFile} may be called: the kernel carries what is sent, and sends files as they are. */
  get sendsFiles(): boolean {
    return this.#write.sendsFiles;
  }

  /** Sends from a file without reading it. Only where {@link sendsFiles}: the write layer then stays what it is. */
  sendFile(file: FilePart, done: FileDone): void {
    const refuse = (error: Error): void => done(error, 0);
    this.#calls.submit(refuse, () => this.#data.file(file, done), undefined);
  }

  /** close_notify, then FIN, behind all data. */
  close(done: () => void): void {
    this.#calls.defer(() => {
      const outputs = this.#gate.isOpen && !this.#farewell.hasEnded ? this.#handshake.close() : [];
      this.#answered(outputs, () => this.#write.end(done));
    });
  }

  /**
   * New write keys; with `requestPeer`, the peer's too. TLS 1.3, once secure: throws OpenSSLError otherwise. Throws {@link RekeyUnsupported}
   * where the kernel carries what it cannot change the keys of; nothing has happened then.
   */
  updateKeys(requestPeer: boolean): void {
    if (!this.#renewal.isPossible(requestPeer) && this.#handshake.version === ProtocolVersion.tls13)
      throw new RekeyUnsupported(noWay);
    this.#calls.defer(() => {
      this.#expected.carryOut(this.#handshake.updateKeys(requestPeer), this.#carryOut);
      this.#expected.holdBack();
    });
  }

  /**
   * Client: the server has been judged, and may have the end of the handshake, together with what `andWrite` writes. Where the connection
   * has failed meanwhile, it gets the alert behind that.
   */
  release(andWrite: () => void): void {
    if (this.#farewell.hasEnded) this.#write.release(andWrite);
    else this.#calls.defer(() => this.#write.release(andWrite));
  }

  /** Application data in fragments of at most `length` bytes, 512 to 16384 (RFC 8446 §5.1). False: not possible. */
  limitFragments(length: number): boolean {
    if (length < 512 || length > 16384) return false;
    // What the peer has asked for stays the limit.
    this.#data.limit = this.#gate.isOpen ? Math.min(length, this.negotiated.maxFragmentLength) : length;
    this.#write.limitFragments(this.#data.limit);
    return true;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#farewell.leave();
    this.#write.dispose();
    this.#read.dispose();
    this.#expected.leave();
    this.#watch.dispose();
    this.#handshake.dispose();
  }

  readonly #take = ({ bytes, room }: { readonly bytes: Uint8Array; readonly room: number }): void => {
    this.#read.push(bytes, room);
    this.#readOn();
    if (!this.#farewell.hasEnded) this.#read.retain();
  };

  readonly #opened = (records: Omit<OpenedRecords, 'consumed'>): void => this.#gate.opened(records);

  readonly #give = (given: Given): void => {
    this.#data.write(given.parts, given.done);
    given.isWhole = true;
  };

  readonly #readOn = (): void => {
    const turn = new Turn();
    this.#isBehind = false;
    while (!this.#farewell.hasEnded && !this.isSuspended && !this.#peerClosed) {
      if (turn.isOver) {
        this.#isBehind = true;
        return;
      }
      const received = this.#read.next(this.#gate.isOpen ? 1 : mostHandshakeBytes);
      if (!received) {
        if (this.#read.takeOver()) this.#layerChanged('read');
        return;
      }
      switch (received.kind) {
        case 'ciphertext':
          turn.engineWorked(this.#ciphertext(received.records));
          break;
        case 'garbage':
          this.#answered(this.#handshake.ciphertext(received.bytes), () => {
            if (!this.#farewell.hasEnded) this.#recordFault(received.fault);
          });
          break;
        case 'opened':
          turn.opened(received.records.consumed);
          this.#gate.opened(received.records);
      }
    }
    if (this.#peerClosed) this.#read.discard();
  };

  /** Answers how many bytes OpenSSL has read. */
  #ciphertext(records: Uint8Array): number {
    let taken = 0;
    const outputs = this.#handshake.ciphertext(records);
    // A copy, as they may change until then.
    const given = isLater(outputs) ? records.slice() : records;
    this.#expected.carryOut(outputs, (answer) => {
      taken = given.length - this.#handshake.unread;
      this.#watch.ciphertext('read', given.subarray(0, taken));
      this.#read.consume(taken);
      this.#route(answer);
    });
    return taken;
  }

  /** Carries an answer of the handshake out, and then what belongs behind it: now, or once it is given. */
  #answered(outputs: readonly Output[], then: () => void): void {
    this.#expected.carryOut(outputs, (answer) => {
      this.#route(answer);
      then();
    });
  }

  #spendMessage(): void {
    const excess = this.#control.spendMessage(this.#write.unsentControl);
    if (excess && this.#gate.isOpen) this.#recordFault(excess);
  }

  #route(outputs: readonly Output[], doneOf?: (output: Output) => Done | undefined): void {
    if (this.#holdsLastFlight && outputs.some(({ kind }) => kind === 'handshakeDone')) this.#write.hold();
    const isAnswer = outputs.some(({ kind }) => kind === 'keyUpdate');
    for (const [at, output] of outputs.entries()) {
      if (this.#farewell.hasEnded) {
        giveUpOutputs(outputs.slice(at), doneOf);
        return;
      }
      if (output.kind !== 'ciphertext') this.#carry(output);
      else {
        this.#watch.ciphertext('write', output.bytes);
        this.#write.ciphertext(output.bytes, doneOf?.(output), isAnswer);
      }
    }
  }

  #carry(output: Exclude<Output, { kind: 'ciphertext' }>): void {
    switch (output.kind) {
      case 'record':
        this.#write.record(output.type, output.fragment);
        break;
      case 'installKeys':
        this.#installKeys(output.direction, output.keys);
        break;
      case 'keys':
        this.#watch.heldByEngine(output.direction, output.keys);
        break;
      case 'applicationData':
        this.#gate.openedByEngine(output.bytes);
        break;
      case 'handshakeDone':
        this.#open(output.negotiated);
        break;
      case 'error':
        this.#farewell.fail({ by: 'openssl', entries: output.entries, alert: this.#alertSeen });
        break;
      case 'renegotiation':
        this.#spendMessage();
        break;
      case 'keyUpdate':
        this.#spendMessage();
        this.#renewal.byPeer(output.requested);
        break;
      case 'later':
        break;
      default:
        this.#heed(output);
    }
  }

  /** What is kept in mind, or told as it is, or both. */
  #heed(output: Output & (ConnectionEvent | { kind: 'alert' })): void {
    switch (output.kind) {
      case 'alert':
        if (output.description !== 0) this.#alertSeen = output.description;
        return;
      case 'question':
        this.#expected.ofApplication = true;
        break;
      case 'closeNotify':
        this.#peerClosed = true;
        break;
      case 'session':
        // A server's own are no work that the peer causes.
        if (this.#holdsLastFlight) this.#spendMessage();
    }
    this.#events.emit(output);
  }

  /** The handshake has ended well: from here on there is a way for data. */
  #open(negotiated: Negotiated): void {
    this.#negotiated = negotiated;
    this.#gate.open();
    const { maxFragmentLength } = negotiated;
    if (maxFragmentLength < 16384) this.limitFragments(maxFragmentLength);
    if (this.#read.layer === 'wasm') this.#staysWithEngine('read', this.#read);
    if (this.#write.hasKeys) this.#checkRequired('write');
    else this.#staysWithEngine('write', this.#write);
    this.#events.emit({ kind: 'secure', negotiated });
  }

  #deliver(bytes: Uint8Array): void {
    const isUsedUp =
      this.#read.layer === 'wasm' ? this.#read.engineUsesUp(bytes.length) : this.#read.usesUp(bytes.length);
    if (isUsedUp) this.#renewal.ofReads();
    this.#events.emit({ kind: 'applicationData', bytes });
  }

  #installKeys(direction: Direction, keys: TrafficKeys): void {
    if (direction === 'write') this.#write.installKeys(keys);
    else this.#installReadKeys(keys);
  }

  #installReadKeys(keys: TrafficKeys): void {
    const { layer } = this.#read;
    const refused = this.#read.installKeys(keys);
    if (refused) this.#farewell.fail({ by: 'rekey', reason: refused.refused });
    else if (this.#read.layer !== layer) this.#layerChanged('read');
  }

  #layerChanged(direction: 'read' | 'write'): void {
    this.#events.emit({ kind: 'recordLayer' });
    if (!(direction === 'read' && this.#read.awaitsKernel)) this.#checkRequired(direction);
  }

  #staysWithEngine(direction: 'read' | 'write', side: ReadSide | WriteSide): void {
    side.reason = notOffloaded;
    this.#renewal.countForEngine(side);
    this.#checkRequired(direction);
  }

  #checkRequired(direction: 'read' | 'write'): void {
    this.#required.check(direction, direction === 'read' ? this.#read : this.#write.coming);
  }

  #recordFault({ alert, reason, name }: RecordFault): void {
    // While it shakes hands, OpenSSL has one name for all that it does not expect.
    this.#farewell.fail({ by: 'record', alert, reason, ...(this.#gate.isOpen && name && { name }) });
  }
}

/** What the application gave to be sent. */
interface Given {
  readonly parts: readonly Uint8Array[];
  readonly done: Done;
  /** All of it is on its way. */
  isWhole: boolean;
}

/** Records for OpenSSL in one call while it shakes hands: a hello in records of a byte each is not worth a call for each. */
const mostHandshakeBytes = 16 * 1024;
