import { secretBytes } from '../../protocol/secret-bytes.ts';
import type { KeyExchange, StartedExchange } from '../host/key-exchange.ts';

/** The exchanges that have been started, by number, and the questions of wasm/key_exchange.c. */
export class KeyExchanges {
  readonly #exchange: KeyExchange | undefined;
  readonly #started = new Map<number, StartedExchange>();
  #last = 0;

  constructor(exchange: KeyExchange | undefined) {
    this.#exchange = exchange;
  }

  /** How many private keys are waiting for the other side. */
  get size(): number {
    return this.#started.size;
  }

  /** `asked`: struct question of wasm/key_exchange.c and what follows it. */
  answer(question: ExchangeQuestion, asked: Uint8Array): Uint8Array | undefined {
    const view = new DataView(asked.buffer, asked.byteOffset, asked.length);
    const number = view.getUint32(0, true);
    const group = view.getUint16(4, true);
    const peerShare = asked.subarray(headLength);
    switch (question) {
      case START:
        return this.#start(group);
      case RESPOND: {
        const made = this.#exchange?.respond(group, peerShare);
        if (!made) return undefined;
        const answer = withNumber(made.share.length, made.share, made.secret);
        made.secret.fill(0);
        return answer;
      }
      case FINISH:
        return this.#take(number)?.finish(peerShare);
      case FORGET:
        this.#take(number)?.dispose();
        return undefined;
    }
  }

  #start(group: number): Uint8Array | undefined {
    const started = this.#exchange?.start(group);
    if (!started) return undefined;
    this.#last = (this.#last + 1) >>> 0 || 1;
    this.#started.set(this.#last, started);
    return withNumber(this.#last, started.share);
  }

  #take(number: number): StartedExchange | undefined {
    const started = this.#started.get(number);
    this.#started.delete(number);
    return started;
  }
}

function withNumber(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = secretBytes(parts.reduce((length, part) => length + part.length, numberLength));
  new DataView(bytes.buffer).setUint32(0, number, true);
  let at = numberLength;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Of enum ktls_question (wasm/engine.h). */
const START = 128;
const RESPOND = 256;
const FINISH = 512;
const FORGET = 1024;
type ExchangeQuestion = typeof START | typeof RESPOND | typeof FINISH | typeof FORGET;

export function isExchangeQuestion(question: number): question is ExchangeQuestion {
  return question === START || question === RESPOND || question === FINISH || question === FORGET;
}

const numberLength = 4;
const headLength = 8;
