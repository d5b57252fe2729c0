import type { EchResult, Handshake, Inspection, OpenSSLErrorEntry, Output } from '../connection/handshake.ts';
import { InstanceLost } from '../connection/instance-lost.ts';
import type { Negotiated } from '../connection/negotiated.ts';
import type { ControlledHandshake, HandshakeSetup } from '../context/handshake.ts';
import { useOf } from '../context/handshake.ts';
import type { SecureContext } from '../context/secure-context.ts';
import { needsDefaultRoots } from '../context/secure-context.ts';
import { OpenSSLError, ownLibrary, ownReasons } from '../engine/openssl/openssl-error.ts';
import { parseOutputs } from '../engine/openssl/outputs.ts';
import { AlertLevel } from '../protocol/alert.ts';
import { ContentType, type ContentTypeByte } from '../protocol/content-type.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import type { HandshakeThread, ThreadListener } from './handshake-thread.ts';
import type { Call, Facts, Inspected, Question, Report } from './messages.ts';
import { asThrown, threadLost } from './thrown.ts';

/** Who carries the records of a handshake in a thread. */
export interface ThreadedCarrier {
  /** A duplicate of its descriptor, which the thread reads and writes until the handshake is done; undefined where records go through here. */
  readonly lent: { readonly descriptor: number; close(): void } | undefined;
  readonly readsExactly: boolean;
  /** What the handshake puts out. `rest`: it has given the descriptor back, and had read so much. */
  answer(outputs: readonly Output[], rest: Uint8Array | undefined): void;
  /** What it puts out meanwhile. `rest`: likewise. */
  told(outputs: readonly Output[], rest: Uint8Array | undefined): void;
  failed(errno: number, call: 'read' | 'write'): void;
  /** The handshake could not be made. */
  refused(error: Error): void;
}

/** A handshake that another thread runs: the second implementation of the port. */
export class ThreadedHandshake implements Handshake, ControlledHandshake {
  onLost: ((error: Error) => void) | undefined;
  readonly inspection: RemoteInspection;
  readonly #thread: HandshakeThread;
  readonly #listener: ThreadListener;
  readonly #id: number;
  readonly #setup: HandshakeSetup;
  readonly #carrier: ThreadedCarrier;
  #context: SecureContext;
  #negotiated: Negotiated | undefined;
  #unread = 0;
  #inMessage = false;
  #version: number = ProtocolVersion.tls13;
  #serverName: string | undefined;
  #expected = 0;
  #keepsProcess = true;
  #hasSpoken = false;
  /** OpenSSL protects what is sent. */
  #keepsKeys = true;
  #disposed = false;

  constructor(thread: HandshakeThread, context: SecureContext, setup: HandshakeSetup, carrier: ThreadedCarrier) {
    this.#thread = thread;
    this.#context = context;
    this.#setup = setup;
    this.#carrier = carrier;
    const { lent, readsExactly } = carrier;
    const descriptor = lent?.descriptor;
    if (needsDefaultRoots(context, useOf(setup))) thread.tellRoots();
    const number = thread.contextNumber(context);
    this.#listener = { report: (report) => this.#take(report), lost: (error) => this.#lost(error) };
    this.#id = thread.enter(this.#listener);
    this.inspection = new RemoteInspection(thread, this.#id, (error) => this.#lost(error));
    const { answers: _none, ...plain } = setup;
    thread.send({ kind: 'open', id: this.#id, context: number, setup: plain, descriptor, readsExactly });
    if (lent) thread.lend(this.#id, lent);
  }

  get port(): Handshake {
    return this;
  }

  get serverName(): string | undefined {
    return this.#serverName;
  }

  certificate(which: 'own' | 'issuer'): Uint8Array | undefined {
    return (which === 'own' ? this.#context.getCertificate() : this.#context.getIssuer()) ?? undefined;
  }

  chooseContext(context: SecureContext, scope: Uint8Array): void {
    // Also what making it ready throws.
    context.for({ ...useOf(this.#setup), isChosen: true });
    this.#context = context;
    if (needsDefaultRoots(context, useOf(this.#setup))) this.#thread.tellRoots();
    this.#thread.send({ kind: 'choose', id: this.#id, context: this.#thread.contextNumber(context), scope });
  }

  offerSession(session: Uint8Array): void {
    this.#thread.send({ kind: 'session', id: this.#id, bytes: new Uint8Array(session) });
  }

  staple(response: Uint8Array): void {
    this.#thread.send({ kind: 'staple', id: this.#id, bytes: new Uint8Array(response) });
  }

  useIdentity(context: SecureContext): void {
    context.for({ ...useOf(this.#setup), isChosen: true, verifiesPeer: false });
    // As OpenSSL does, which the caller would not hear any more.
    if (!context.getCertificate()) throw new OpenSSLError([]);
    this.#thread.send({ kind: 'identity', id: this.#id, context: this.#thread.contextNumber(context) });
  }

  trace(): void {
    this.#thread.send({ kind: 'trace', id: this.#id });
  }

  resume(): Output[] {
    return this.#call({ kind: 'resume', id: this.#id });
  }

  ciphertext(records: Uint8Array): Output[] {
    return this.#call({ kind: 'ciphertext', id: this.#id, bytes: new Uint8Array(records) });
  }

  get unread(): number {
    return this.#unread;
  }

  plaintext(type: ContentTypeByte, fragment: Uint8Array): Output[] {
    return this.#call({ kind: 'plaintext', id: this.#id, type, bytes: new Uint8Array(fragment) });
  }

  write(data: Uint8Array): Output[] {
    return this.#call({ kind: 'write', id: this.#id, bytes: new Uint8Array(data) });
  }

  close(): Output[] {
    return this.#call({ kind: 'close', id: this.#id });
  }

  updateKeys(requestPeer: boolean): Output[] {
    if (this.#version !== ProtocolVersion.tls13) throw new OpenSSLError([wrongVersion]);
    return this.#call({ kind: 'updateKeys', id: this.#id, requestPeer });
  }

  /**
   * At once, and without the thread, which a peer must not make this one wait for. It is of no use after. An alert is two bytes, which whoever has the
   * keys protects; OpenSSL does where it keeps them, and then nobody here can (RFC 8446 §6.2 has it that alerts SHOULD be sent).
   */
  fail(description: number): Output[] {
    const fragment = Uint8Array.of(AlertLevel.fatal, description);
    if (!this.#keepsKeys) return [{ kind: 'record', type: ContentType.alert, fragment }];
    // There are no keys yet: before the first hello of all, and a server's in TLS 1.2 until it is done.
    const isTls12Server = this.#setup.isServer && this.#version === ProtocolVersion.tls12 && !this.#negotiated;
    const isInClear = !this.#hasSpoken || isTls12Server;
    return isInClear ? [{ kind: 'ciphertext', bytes: recordInClear(ContentType.alert, fragment) }] : [];
  }

  get inMessage(): boolean {
    return this.#inMessage;
  }

  sawData(): void {
    this.#thread.send({ kind: 'sawData', id: this.#id });
  }

  get version(): number {
    return this.#version;
  }

  get negotiated(): Negotiated {
    return this.#negotiated ?? { ...nothingYet, version: this.#version, serverName: this.#serverName };
  }

  logKeys(): void {
    this.#thread.send({ kind: 'logKeys', id: this.#id });
  }

  /** While it has to answer. */
  set keepsProcess(keeps: boolean) {
    if (keeps === this.#keepsProcess) return;
    this.#keepsProcess = keeps;
    for (let left = this.#expected; left > 0; left--) this.#thread.expect(keeps ? 1 : -1);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#thread.leave(this.#id);
    this.#expectNothing();
  }

  #call(call: Call): Output[] {
    if (this.#disposed || this.#thread.isGone) return [lostInstance];
    if (this.#expected === 0) this.#thread.hold(this.#listener, true);
    this.#expected++;
    if (this.#keepsProcess) this.#thread.expect(1);
    this.#thread.send(call);
    return [{ kind: 'later' }];
  }

  #expectNothing(): void {
    while (this.#expected > 0) this.#expectOneLess();
  }

  #expectOneLess(): void {
    this.#expected--;
    if (this.#keepsProcess) this.#thread.expect(-1);
    if (this.#expected === 0) this.#thread.hold(this.#listener, false);
  }

  #take(report: Report): void {
    switch (report.kind) {
      case 'answer':
        this.#answered(report);
        break;
      case 'told':
        this.#carrier.told(parseOutputs(report.log), report.rest);
        break;
      case 'failed':
        this.#carrier.failed(report.errno, report.call);
        break;
      case 'refused':
        this.#carrier.refused(asThrown(report.error));
        break;
      case 'lost':
        this.onLost?.(asThrown(report.error));
    }
  }

  #answered({
    log,
    unread,
    inMessage,
    version,
    hasSpoken,
    serverName,
    rest,
    facts,
  }: Report & { kind: 'answer' }): void {
    if (this.#expected > 0) this.#expectOneLess();
    this.#unread = unread;
    this.#inMessage = inMessage;
    this.#hasSpoken ||= hasSpoken;
    if (version) this.#version = version;
    this.#serverName = serverName ?? this.#serverName;
    if (facts) this.inspection.facts = facts;
    const outputs = log ? parseOutputs(log) : [lostInstance];
    for (const output of outputs) {
      if (output.kind === 'handshakeDone') this.#negotiated = output.negotiated;
      if (output.kind === 'installKeys' && output.direction === 'write') this.#keepsKeys = false;
    }
    this.#carrier.answer(outputs, rest);
  }

  #lost(error: Error): void {
    this.#expectNothing();
    this.onLost?.(error);
  }
}

/** What few ask for: the thread is asked, and waited for. Where that is lost there is nothing, and the connection fails; only what is to be exported throws. */
class RemoteInspection implements Inspection {
  /** What is known once the handshake is done. */
  facts: Facts | undefined;
  readonly #thread: HandshakeThread;
  readonly #id: number;
  readonly #lost: (error: Error) => void;
  readonly ech: EchResult | undefined = undefined;

  constructor(thread: HandshakeThread, id: number, lost: (error: Error) => void) {
    this.#thread = thread;
    this.#id = id;
    this.#lost = lost;
  }

  get session(): Inspection['session'] {
    return this.#look('session', undefined);
  }

  get ticket(): Inspection['ticket'] {
    return this.#look('ticket', undefined);
  }

  get ownCertificate(): Inspection['ownCertificate'] {
    return this.#look('ownCertificate', undefined);
  }

  get verifiedChain(): Inspection['verifiedChain'] {
    return this.facts?.verifiedChain ?? this.#look('verifiedChain', []);
  }

  get ephemeralKey(): Inspection['ephemeralKey'] {
    return this.facts ? this.facts.ephemeralKey : this.#look('ephemeralKey', undefined);
  }

  get sharedSignatureAlgorithms(): Inspection['sharedSignatureAlgorithms'] {
    return this.#look('sharedSignatureAlgorithms', []);
  }

  finishedMessage(side: 'own' | 'peer'): Uint8Array | undefined {
    const value = this.#ask({ kind: 'finishedMessage', id: this.#id, side });
    return value instanceof Uint8Array ? value : undefined;
  }

  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Uint8Array {
    const value = this.#thread.ask({ kind: 'export', id: this.#id, length, label, context });
    if (!(value instanceof Uint8Array)) throw threadLost('has told no keying material');
    return value;
  }

  /** `nothing`: where there is no answer. */
  #look<What extends Inspected>(what: What, nothing: Inspection[What]): Inspection[What] {
    // The worker answers with what its own inspection has.
    return (this.#ask({ kind: 'inspect', id: this.#id, what }) ?? nothing) as Inspection[What];
  }

  #ask(question: Question): unknown {
    try {
      return this.#thread.ask(question);
    } catch (error) {
      if (!(error instanceof InstanceLost)) throw error;
      this.#lost(error);
      return undefined;
    }
  }
}

/** RFC 8446 §5.1. */
function recordInClear(type: ContentTypeByte, fragment: Uint8Array): Uint8Array {
  return Uint8Array.of(type, 3, 3, fragment.length >> 8, fragment.length & 0xff, ...fragment);
}

const lostInstance: Output = {
  kind: 'error',
  entries: [{ code: 0, library: ownLibrary, reason: ownReasons.lost, data: '' }],
};

/** What OpenSSL says where there is no KeyUpdate (SSL_key_update(3)). */
const wrongVersion: OpenSSLErrorEntry = {
  code: 0x0a00010a,
  library: 'SSL routines',
  reason: 'wrong ssl version',
  data: '',
};

const nothingYet: Negotiated = {
  version: ProtocolVersion.tls13,
  cipher: undefined,
  group: undefined,
  signatureScheme: undefined,
  serverName: undefined,
  alpn: undefined,
  sessionReused: false,
  maxFragmentLength: 16384,
  clientRandom: new Uint8Array(),
  serverRandom: new Uint8Array(),
  peerChain: [],
  verifyResult: 0,
  verifyText: '',
};
