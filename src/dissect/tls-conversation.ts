import type { MemoryBudget } from '../pcap/memory-budget.ts';
import { type CipherSuite, cipherSuite } from '../protocol/cipher-suites.ts';
import type { TLSPlaintext } from '../protocol/content-type.ts';
import { ContentType } from '../protocol/content-type.ts';
import { isSupported, TlsVersion, versionName } from '../protocol/tls-version.ts';
import { headerLength } from '../record/header.ts';
import type { ConversationFacts, DecryptedRecord, DecryptionEvent, Protection, Sender } from './conversation.ts';
import type { CaptureCryptography } from './cryptography.ts';
import type { OpenedRecord } from './epochs/direction-keys.ts';
import { Epoch, Tls13Keys, type Tls13Secrets } from './epochs/tls13-keys.ts';
import { type HandshakeMessage, HandshakeType } from './handshake/handshake-messages.ts';
import {
  type ClientHello,
  readClientHello,
  readEncryptedExtensions,
  readServerHello,
  type ServerHello,
} from './handshake/hello.ts';
import { KeyExchange } from './handshake/key-exchange.ts';
import { hex } from './hex.ts';
import type { StreamRecord } from './record-stream.ts';
import { type Negotiated, tls12Secrets, tls13Secrets } from './secrets/connection-secrets.ts';
import { HiddenRandoms } from './secrets/hidden-randoms.ts';
import { type CaptureSecrets, trafficSecretLabels } from './secrets/secrets.ts';
import { type SessionSecrets, sessionKey, ticketIn, ticketKey } from './secrets/session-secrets.ts';
import { TlsDirection } from './tls-direction.ts';

/** What a conversation is made with. */
export interface ConversationSetting {
  readonly cryptography: CaptureCryptography;
  readonly secrets: CaptureSecrets;
  /** For records that wait. */
  readonly budget: MemoryBudget;
  /** What all conversations of a capture learn for each other. */
  readonly sessions: SessionSecrets;
  readonly trials: MemoryBudget;
  /** For numbers of records behind missing ones. */
  readonly guesses: MemoryBudget;
  /** Whether secrets may still come. */
  readonly mayAddSecrets: () => boolean;
}

/** One TLS connection, from its records as they were captured. */
export class TlsConversation {
  readonly facts: ConversationFacts;
  readonly #setting: ConversationSetting;
  readonly #directions: Readonly<Record<Sender, TlsDirection>>;
  readonly #reasons = new Set<string>();
  #events: DecryptionEvent[] = [];
  #clientHello: ClientHello | undefined;
  /** Not one that asks for another ClientHello. */
  #serverHello: ServerHello | undefined;
  readonly #keyExchange: KeyExchange;
  readonly #randoms: HiddenRandoms;
  /** Whether a master secret may have to be derived: then the whole handshake is kept. */
  readonly #derives: boolean;
  #version: number | undefined;
  #suite: CipherSuite | undefined;
  /** Nothing that is missing will come any more. */
  #isFinal = false;

  constructor(facts: ConversationFacts, setting: ConversationSetting) {
    this.facts = facts;
    this.#setting = setting;
    const { cryptography, budget, guesses, secrets } = setting;
    this.#derives = secrets.keyLog.hasPremasters || secrets.privateKeys.length > 0;
    const kept = this.#derives ? 'all' : 'hellos';
    this.#randoms = new HiddenRandoms(setting);
    this.#keyExchange = new KeyExchange(budget);
    this.#directions = {
      client: new TlsDirection(cryptography, { sender: 'client', budget, guesses, kept }),
      server: new TlsDirection(cryptography, { sender: 'server', budget, guesses, kept }),
    };
  }

  /** Takes the next record of a direction, and says what follows from it. */
  receive(sender: Sender, item: StreamRecord): DecryptionEvent[] {
    const direction = this.#directions[sender];
    this.facts.endTime = item.time;
    if (direction.firstWaiting === undefined && this.#mayHandle(sender, item)) this.#handle(direction, item);
    else if (!direction.wait(item)) {
      this.#giveUpWaiting(item.time);
      this.#handle(direction, item);
    }
    this.#release();
    return this.#takeEvents();
  }

  /** The connection is over. */
  end(): DecryptionEvent[] {
    this.#giveUpWaiting(this.facts.endTime);
    this.dispose();
    return this.#takeEvents();
  }

  /** Wipes the keys. Nothing can be opened after. */
  dispose(): void {
    for (const direction of Object.values(this.#directions)) direction.dispose();
    this.#keyExchange.dispose();
  }

  /** Says, once, what could not be done. */
  report(time: bigint, sender: Sender | undefined, reason: string): void {
    const key = `${sender} ${reason}`;
    if (this.#reasons.has(key) || this.#reasons.size >= maxReasons) return;
    this.#reasons.add(key);
    this.#events.push({ kind: 'problem', conversation: this.facts, problem: { time, sender, reason } });
  }

  get #negotiated(): Negotiated | undefined {
    // Without its ClientHello, a connection of TLS 1.3 may still be found among those that there are secrets of.
    const clientHello = this.#clientHello ?? (this.#isFinal ? unknownHello : undefined);
    const [serverHello, suite] = [this.#serverHello, this.#suite];
    return clientHello && serverHello && suite && { clientHello, serverHello, suite };
  }

  /**
   * Directions are captured one beside the other, so a record may come before the hello of the other direction that says how it is
   * protected. In TLS 1.3, ChangeCipherSpec says nothing (RFC 8446 §5).
   */
  #mayHandle(sender: Sender, item: StreamRecord): boolean {
    if (this.#isFinal || item.kind === 'broken') return true;
    const type = item.kind === 'record' ? item.record[0] : undefined;
    if (this.#negotiated !== undefined) {
      if (this.#awaitsSecrets(sender, type)) return false;
      return type !== ContentType.changeCipherSpec || !this.#derives || !this.#keyExchange.isWaiting(sender);
    }
    if (type === undefined) return false;
    if (type === ContentType.changeCipherSpec) return this.#version === TlsVersion.tls13;
    return type !== ContentType.applicationData;
  }

  /** A capture that is read once may have a connection's secrets behind the packets that need them. */
  #awaitsSecrets(sender: Sender, type: number | undefined): boolean {
    if (type === undefined || !this.#setting.mayAddSecrets()) return false;
    const isTls13 = this.#version === TlsVersion.tls13;
    if (type !== (isTls13 ? ContentType.applicationData : ContentType.changeCipherSpec)) return false;
    const { keyLog } = this.#setting.secrets;
    const label = isTls13 ? trafficSecretLabels[sender].application : 'CLIENT_RANDOM';
    return !this.#derives && this.#randoms.known.every((random) => keyLog.secrets(random, label).length === 0);
  }

  #release(): void {
    let released: number;
    do {
      released = 0;
      for (const direction of Object.values(this.#directions)) {
        for (const item of direction.release((next) => this.#mayHandle(direction.sender, next))) {
          this.#handle(direction, item);
          released++;
        }
      }
    } while (released > 0);
  }

  #giveUpWaiting(time: bigint): void {
    const isWaiting = Object.values(this.#directions).some(({ firstWaiting }) => firstWaiting !== undefined);
    if (isWaiting && this.#negotiated === undefined) {
      const lacking = this.#clientHello === undefined ? 'ClientHello' : 'ServerHello';
      this.report(time, undefined, `the capture has no ${lacking} of this connection`);
    }
    this.#isFinal = true;
    this.#release();
  }

  #handle(direction: TlsDirection, item: StreamRecord): void {
    if (item.kind === 'record') {
      this.#handleRecord(direction, item.record, item.time);
      return;
    }
    direction.handshake.reset();
    if (item.kind === 'broken') {
      this.report(item.time, direction.sender, item.reason);
      return;
    }
    if (item.kind === 'resumed') {
      direction.resume(item.lost);
      // Keys may have changed in what is missing; TLS 1.3's tell by themselves.
      if (!direction.tls12.active) this.#changeCipherSpec(direction);
      return;
    }
    const keys = this.#version === TlsVersion.tls13 ? direction.tls13 : direction.tls12;
    keys?.skip();
    this.report(item.time, direction.sender, 'the capture lacks parts of records');
  }

  #handleRecord(direction: TlsDirection, record: Uint8Array, time: bigint): void {
    const type = record[0] ?? 0;
    const common = { time, sender: direction.sender, length: record.length - headerLength };
    if (!this.#isProtected(direction, type)) {
      const fragment = record.slice(headerLength);
      this.#emit({ ...common, type, ...this.#place(0), sequenceNumber: undefined, plaintext: fragment });
      this.#handleContent(direction, { type, fragment, epoch: 0, time });
      return;
    }
    const opened = this.#open(direction, record);
    direction.found(opened !== undefined);
    if (opened === undefined) {
      this.#emit({ ...common, type, ...unknownPlace, plaintext: undefined });
      if (direction.refusal !== undefined) this.report(time, undefined, direction.refusal);
      else this.report(time, direction.sender, this.#whyClosed(direction));
      return;
    }
    const { epoch, sequenceNumber, fragment } = opened;
    this.#emit({ ...common, type: opened.type, ...this.#place(epoch), sequenceNumber, plaintext: fragment });
    this.#handleContent(direction, { type: opened.type, fragment, epoch, time });
  }

  /** What the outside calls an epoch. */
  #place(epoch: number): Pick<DecryptedRecord, 'protection' | 'epoch'> {
    const first = this.#version === TlsVersion.tls13 ? Epoch.application : 1;
    if (epoch >= first) return { protection: 'application', epoch: epoch - first };
    return { protection: protections[epoch], epoch: undefined };
  }

  /** RFC 8446 §5.2: protected records look like application data. In TLS 1.2 they are those behind ChangeCipherSpec. */
  #isProtected(direction: TlsDirection, type: number): boolean {
    if (this.#version === undefined || this.#version === TlsVersion.tls13) return type === ContentType.applicationData;
    return direction.tls12.active || type === ContentType.applicationData;
  }

  #open(direction: TlsDirection, record: Uint8Array): OpenedRecord | undefined {
    if (this.#version !== TlsVersion.tls13) return direction.tls12.open(record, direction.lost);
    const negotiated = this.#negotiated;
    if (negotiated === undefined || direction.refusedWith === this.#randoms.known) return undefined;
    if (direction.tls13 === undefined) {
      const secrets = this.#tls13Secrets(negotiated, direction, record);
      direction.refusal = typeof secrets === 'string' ? secrets : undefined;
      if (typeof secrets === 'string') {
        direction.refusedWith = this.#randoms.known;
        return undefined;
      }
      direction.tls13 = new Tls13Keys(this.#setting.cryptography, secrets, this.#setting.guesses);
    }
    return direction.tls13.open(record, direction.lost);
  }

  #tls13Secrets(negotiated: Negotiated, { sender }: TlsDirection, record: Uint8Array): Tls13Secrets | string {
    const find = (randoms: readonly Uint8Array[]): Tls13Secrets | string =>
      tls13Secrets(this.#setting, negotiated, sender, randoms);
    const known = find(this.#randoms.known);
    if (typeof known !== 'string') return known;
    return this.#randoms.search(negotiated.suite, sender, record) ? find(this.#randoms.known) : known;
  }

  #whyClosed({ sender, tls13 }: TlsDirection): string {
    if (this.#negotiated === undefined) return 'records cannot be opened without both hellos';
    const mayBeEarly = sender === 'client' && this.#clientHello?.offersEarlyData && (tls13?.epoch ?? 0) <= Epoch.early;
    if (mayBeEarly) return 'early data (0-RTT) that the server refused, or whose secret is not there, cannot be opened';
    return tls13?.epoch === 0
      ? 'records of the handshake cannot be opened: its secrets are not there'
      : 'records cannot be opened with the secrets that are there';
  }

  #handleContent(direction: TlsDirection, content: Content): void {
    if (content.type === ContentType.changeCipherSpec) this.#changeCipherSpec(direction);
    if (content.type !== ContentType.handshake) return;
    for (const message of direction.handshake.push(content.fragment)) {
      this.#handleMessage(direction, message, content);
    }
  }

  #changeCipherSpec(direction: TlsDirection): void {
    const negotiated = this.#negotiated;
    if (this.#version === TlsVersion.tls13 || this.#version === undefined) return;
    if (!isSupported(this.#version)) {
      direction.refusal = `${versionName(this.#version)} is not supported`;
      direction.tls12.change(undefined);
      return;
    }
    const sources = { ...this.#setting, keyExchange: this.#keyExchange };
    const secrets = negotiated && tls12Secrets(sources, negotiated, direction.sender);
    direction.refusal = typeof secrets === 'string' ? secrets : undefined;
    direction.tls12.change(typeof secrets === 'string' ? undefined : secrets);
  }

  #handleMessage(direction: TlsDirection, message: HandshakeMessage, { epoch, time }: Content): void {
    const { type, body } = message;
    if (this.#derives) this.#learn(direction.sender, message);
    const isTls13 = this.#version === TlsVersion.tls13;
    // In TLS 1.3 nothing in clear counts once both hellos are there.
    const mayGreet = !(isTls13 && this.#negotiated !== undefined);
    if (type === HandshakeType.clientHello && direction.sender === 'client' && mayGreet) this.#greet(body, time);
    if (type === HandshakeType.serverHello && direction.sender === 'server' && mayGreet) this.#answer(body, time);
    if (!isTls13 || epoch === 0) return;
    if (type === HandshakeType.encryptedExtensions) this.facts.alpnProtocol = readEncryptedExtensions(body);
    const next = nextEpoch(type, epoch);
    if (next === undefined) return;
    // RFC 8446 §5.1: messages do not span a change of keys.
    direction.handshake.reset();
    direction.tls13?.enter(next);
  }

  /** What a master secret is derived from, and what a session that is resumed later will be known by. */
  #learn(sender: Sender, message: HandshakeMessage): void {
    this.#keyExchange.add(sender, message);
    if (message.type !== HandshakeType.newSessionTicket || this.#serverHello === undefined) return;
    const { sessions, cryptography } = this.#setting;
    const key = sessionKey(this.#serverHello.sessionId) ?? `random ${this.facts.clientRandom}`;
    sessions.remember(ticketKey(cryptography, ticketIn(message.body)), sessions.of(key));
  }

  #greet(body: Uint8Array, time: bigint): void {
    const hello = readClientHello(body);
    if (hello === undefined) {
      this.report(time, 'client', 'the ClientHello is malformed');
      return;
    }
    // The hello that answers a retry has the same random, and no early data any more: that may have been sent before.
    const offersEarlyData = hello.offersEarlyData || this.#clientHello?.offersEarlyData === true;
    this.#clientHello = { ...hello, offersEarlyData };
    this.facts.serverName = this.#randoms.greet(hello) ?? hello.serverName;
    this.facts.clientRandom = hex(hello.random);
  }

  #answer(body: Uint8Array, time: bigint): void {
    const hello = readServerHello(body);
    if (hello === undefined) {
      this.report(time, 'server', 'the ServerHello is malformed');
      return;
    }
    this.#version = hello.version;
    this.facts.version = versionName(hello.version);
    if (hello.isRetry) return;
    this.#serverHello = hello;
    this.#suite = cipherSuite(hello.cipherSuite);
    this.facts.cipherSuite = this.#suite.name;
    this.facts.alpnProtocol = hello.alpnProtocol;
  }

  #emit(record: DecryptedRecord): void {
    this.#events.push({ kind: 'record', conversation: this.facts, record });
  }

  #takeEvents(): DecryptionEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

interface Content extends TLSPlaintext {
  readonly epoch: number;
  readonly time: bigint;
}

/** Which epoch a message begins for its sender; undefined if none. */
function nextEpoch(type: number, epoch: number): number | undefined {
  if (type === HandshakeType.endOfEarlyData && epoch === Epoch.early) return Epoch.handshake;
  // A client also sends Finished when it authenticates itself later (RFC 8446 §4.6.2).
  if (type === HandshakeType.finished && epoch === Epoch.handshake) return Epoch.application;
  return type === HandshakeType.keyUpdate && epoch >= Epoch.application ? epoch + 1 : undefined;
}

/** By epoch, of those before application data. */
const protections: readonly Protection[] = ['none', 'early', 'handshake'];

/** Of a ClientHello that the capture does not have. */
const unknownHello: ClientHello = {
  random: new Uint8Array(),
  serverName: undefined,
  alpnProtocols: [],
  offersEarlyData: false,
  ticket: new Uint8Array(),
  encryptedHello: undefined,
};

const unknownPlace = { protection: undefined, epoch: undefined, sequenceNumber: undefined };

const maxReasons = 32;
