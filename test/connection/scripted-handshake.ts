import type { Handshake, Inspection, Output } from '../../src/connection/handshake.ts';
import type { Negotiated } from '../../src/connection/negotiated.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';

/** What one call puts out, and how much of what it was given it leaves unread. */
export interface Answer {
  readonly outputs: readonly Output[];
  readonly unread?: number;
}

/** A handshake that puts out what a test says, call by call, and keeps what it was told. */
export class ScriptedHandshake implements Handshake {
  readonly calls: string[] = [];
  version: number = ProtocolVersion.tls13;
  inMessage = false;
  onLost: ((error: Error) => void) | undefined;
  disposed = false;
  #unread = 0;
  readonly #answers: Answer[];

  constructor(...answers: readonly (Answer | readonly Output[])[]) {
    this.#answers = answers.map((answer) => ('outputs' in answer ? answer : { outputs: answer }));
  }

  get unread(): number {
    return this.#unread;
  }

  get negotiated(): Negotiated {
    return { ...agreed, version: this.version };
  }

  get inspection(): Inspection {
    throw new Error('nobody looks');
  }

  resume(): Output[] {
    return this.#next('resume');
  }

  ciphertext(records: Uint8Array): Output[] {
    return this.#next(`ciphertext ${Buffer.from(records).toString('hex')}`);
  }

  plaintext(type: number, fragment: Uint8Array): Output[] {
    return this.#next(`plaintext ${type} ${Buffer.from(fragment).toString('hex')}`);
  }

  write(data: Uint8Array): Output[] {
    return this.#next(`write ${Buffer.from(data).toString('latin1')}`);
  }

  close(): Output[] {
    return this.#next('close');
  }

  updateKeys(requestPeer: boolean): Output[] {
    return this.#next(`updateKeys ${requestPeer}`);
  }

  fail(description: number): Output[] {
    return this.#next(`fail ${description}`);
  }

  sawData(): void {
    this.calls.push('sawData');
  }

  logKeys(): void {}

  dispose(): void {
    this.disposed = true;
  }

  /** What the next answer, given later, leaves unread. */
  leave(unread: number): void {
    this.#unread = unread;
  }

  #next(call: string): Output[] {
    this.calls.push(call);
    const { outputs, unread = 0 } = this.#answers.shift() ?? { outputs: [] };
    this.#unread = unread;
    return [...outputs];
  }
}

export const agreed: Negotiated = {
  version: ProtocolVersion.tls13,
  cipher: { name: 'TLS_AES_128_GCM_SHA256', standardName: 'TLS_AES_128_GCM_SHA256', version: 'TLSv1.3' },
  group: 'x25519',
  signatureScheme: undefined,
  serverName: undefined,
  alpn: undefined,
  sessionReused: false,
  maxFragmentLength: 16384,
  clientRandom: new Uint8Array(32),
  serverRandom: new Uint8Array(32),
  peerChain: [],
  verifyResult: 0,
  verifyText: '',
};
