import { Alert } from '../protocol/alert.ts';
import { ContentType, type TLSPlaintext } from '../protocol/content-type.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { fragments } from '../record/fragment.ts';
import type { OpenedRecords, RecordFault } from '../record/protection.ts';
import { type Moment, type Verdict, verdictOn } from './acceptance.ts';
import type { ControlBudget } from './control-budget.ts';
import type { Handshake, Output } from './handshake.ts';

/** To whom received records go. */
export interface Destinations {
  readonly handshake: Handshake;
  readonly budget: ControlBudget;
  /** Nothing goes anywhere any more. */
  readonly ended: () => boolean;
  /** The application gets data. */
  readonly deliver: (bytes: Uint8Array) => void;
  /** What OpenSSL says of a record, and what is to be done behind that. */
  readonly route: (outputs: readonly Output[], then: () => void) => void;
  readonly refuse: (fault: RecordFault) => void;
}

/**
 * What received records have to pass: it sends them to the application, to OpenSSL, or refuses them. It is shut until the end of the handshake
 * opens it, so nothing that a peer sends before its Finished can reach the application, whoever opened it (acceptance.ts is the table).
 */
export class Gate {
  readonly #to: Destinations;
  #moment: Moment = 'handshake';
  /** Once it is final: OpenSSL would be asked for it at each record. */
  #version: number | undefined;
  /** Data has passed that OpenSSL does not know of. */
  #dataPassed = false;

  constructor(destinations: Destinations) {
    this.#to = destinations;
  }

  /** Whether the handshake has ended. */
  get isOpen(): boolean {
    return this.#moment !== 'handshake';
  }

  /** The handshake has ended well. */
  open(): void {
    this.#moment = 'open';
    this.#version = this.#to.handshake.version;
  }

  /** Takes what a layer outside OpenSSL has opened. */
  opened({ applicationData, control, fault }: Omit<OpenedRecords, 'consumed'>): void {
    if (applicationData) this.#data(applicationData);
    if (this.#to.ended()) return;
    if (control) this.#control(control);
    else if (fault) this.#to.refuse(fault);
  }

  /** Takes the data of a record that OpenSSL has opened itself, which it does not do within a handshake. */
  openedByEngine(bytes: Uint8Array): void {
    if (this.isOpen) this.#deliver(bytes);
    else this.#to.refuse({ alert: Alert.internalError, reason: 'data came out of a handshake' });
  }

  /** Data of one record or of several; empty where the records are. */
  #data(bytes: Uint8Array): void {
    const type = ContentType.applicationData;
    if (this.#verdict(type) === 'deliver') {
      if (bytes.length === 0) return;
      this.#dataPassed = true;
      this.#deliver(bytes);
      return;
    }
    for (const fragment of fragments(bytes)) if (!this.#to.ended()) this.#judge({ type, fragment });
    bytes.fill(0);
  }

  #control(record: TLSPlaintext): void {
    const excess = this.#to.budget.spendRecord();
    if (excess) this.#to.refuse(excess);
    else if (this.#verdict(record.type) === 'refuse') this.#to.refuse(refusedType(record.type));
    else this.#judge(record);
    record.fragment.fill(0);
  }

  #verdict(type: number): Verdict {
    const version = this.#version ?? this.#to.handshake.version;
    return verdictOn(type, this.#moment, version === ProtocolVersion.tls13);
  }

  /** OpenSSL takes a record that somebody else has opened, or fails the connection. */
  #judge({ type, fragment }: TLSPlaintext): void {
    const { handshake, ended, route } = this.#to;
    if (this.#dataPassed && type === ContentType.alert) handshake.sawData();
    this.#dataPassed = false;
    route(handshake.plaintext(type, fragment), () => {
      if (this.isOpen && !ended()) this.#moment = handshake.inMessage ? 'message' : 'open';
    });
  }

  #deliver(bytes: Uint8Array): void {
    this.#to.budget.restore(bytes.length);
    this.#to.deliver(bytes);
  }
}

function refusedType(type: number): RecordFault {
  return { alert: Alert.unexpectedMessage, reason: `a protected record of type ${type}`, name: 'bad record type' };
}
