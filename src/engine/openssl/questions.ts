import type { ImmediateAnswers } from '../../connection/handshake.ts';
import { copySecret, secretBytes } from '../../protocol/secret-bytes.ts';
import type { EnginePointer } from './ffi.ts';
import { isExchangeQuestion, type KeyExchanges } from './key-exchanges.ts';
import { isSignatureQuestion, type Signatures } from './signatures.ts';

/** By engine, who answers. */
export class Questions {
  readonly #answers = new Map<EnginePointer, ImmediateAnswers>();
  readonly #signatures: Signatures;
  readonly #exchanges: KeyExchanges;

  constructor(signatures: Signatures, exchanges: KeyExchanges) {
    this.#signatures = signatures;
    this.#exchanges = exchanges;
  }

  /** The bits of enum ktls_question (wasm/engine.h) that `answers` has methods for. */
  register(engine: EnginePointer, answers: ImmediateAnswers): number {
    this.#answers.set(engine, answers);
    return (answers.alpn ? ALPN : 0) | (answers.pskClient ? PSK_CLIENT : 0) | (answers.pskServer ? PSK_SERVER : 0);
  }

  forget(engine: EnginePointer): void {
    this.#answers.delete(engine);
  }

  /** Called from within OpenSSL: an exception would unwind C frames that must run to their end, so none leaves here. */
  answer(engine: EnginePointer, question: number, asked: Uint8Array): Uint8Array | undefined {
    try {
      if (isSignatureQuestion(question)) return this.#signatures.answer(question, asked);
      if (isExchangeQuestion(question)) return this.#exchanges.answer(question, asked);
      return encode(this.#answers.get(engine) ?? {}, question, asked);
    } catch {
      return undefined;
    }
  }
}

function encode(answers: ImmediateAnswers, question: number, asked: Uint8Array): Uint8Array | undefined {
  switch (question) {
    case ALPN: {
      const offset = answers.alpn?.(asked);
      return offset === undefined ? undefined : Uint8Array.of(offset & 0xff, offset >> 8);
    }
    case PSK_CLIENT: {
      const found = answers.pskClient?.(new TextDecoder().decode(asked));
      if (!found) return undefined;
      const { psk, identity } = found;
      const name = new TextEncoder().encode(identity);
      const answer = secretBytes(2 + psk.length + name.length);
      answer.set([psk.length & 0xff, psk.length >> 8]);
      answer.set(psk, 2);
      answer.set(name, 2 + psk.length);
      return answer;
    }
    case PSK_SERVER: {
      const psk = answers.pskServer?.(new TextDecoder().decode(asked));
      return psk && copySecret(psk);
    }
    default:
      return undefined;
  }
}

const ALPN = 1;
const PSK_CLIENT = 2;
const PSK_SERVER = 4;
