import type { Direction, Output } from '../../connection/handshake.ts';
import { decodeCryptoInfo, decodeKernelKeys } from '../../record/crypto-info.ts';
import { byteText, NegotiatedFacts } from './negotiated.ts';
import { parseErrorQueue } from './openssl-error.ts';

/** Reads a log as wasm/log.c writes it. Byte arrays are views of `log`. */
export function parseOutputs(log: Uint8Array): Output[] {
  const view = new DataView(log.buffer, log.byteOffset, log.length);
  const outputs: Output[] = [];
  for (let at = 0; at < log.length; ) {
    const length = view.getUint32(at + 4, true);
    const parse = parsers[view.getUint8(at)];
    if (!parse) throw new Error('the engine wrote an output of an unknown kind');
    const output = parse(log.subarray(at + headLength, at + headLength + length), view.getUint8(at + 1));
    if (output) outputs.push(output);
    at += headLength + length;
  }
  return outputs;
}

const headLength = 8;
const latin1 = new TextDecoder('latin1');
const direction = (detail: number): Direction => (detail === 1 ? 'write' : 'read');

/** By enum ktls_output of wasm/engine.h. */
const parsers: Readonly<Record<number, (bytes: Uint8Array, detail: number) => Output | undefined>> = {
  1: (bytes) => ({ kind: 'ciphertext', bytes }),
  2: (fragment, type) => ({ kind: 'record', type, fragment }),
  3: (cryptoInfo, detail) => installKeys(cryptoInfo, direction(detail)),
  4: (bytes) => ({ kind: 'applicationData', bytes }),
  // A copy: it stays for as long as the connection, and the log may hold secrets beside it.
  5: (bytes) => ({ kind: 'handshakeDone', negotiated: new NegotiatedFacts(bytes.slice()) }),
  6: (bytes) => session(bytes),
  7: (bytes) => ({ kind: 'keyLog', line: latin1.decode(bytes) }),
  8: () => ({ kind: 'closeNotify' }),
  9: ([level = 0, description = 0], detail) => ({ kind: 'alert', direction: direction(detail), level, description }),
  10: (bytes, detail) => (detail === 1 ? certificateQuestion(bytes) : helloQuestion(bytes)),
  11: (bytes) => ({ kind: 'error', entries: parseErrorQueue(bytes) }),
  12: (_, detail) => ({ kind: 'keyUpdate', requested: detail === 1 }),
  13: () => ({ kind: 'renegotiation' }),
  14: (response, detail) => ({ kind: 'ocspResponse', response: detail === 1 ? response : null }),
  15: (bytes) => ({ kind: 'trace', text: latin1.decode(bytes) }),
  16: (cryptoInfo, detail) => heldKeys(cryptoInfo, direction(detail)),
};

function installKeys(cryptoInfo: Uint8Array, of: Direction): Output {
  const keys = decodeCryptoInfo(cryptoInfo);
  cryptoInfo.fill(0);
  if (!keys) throw new Error('the engine handed out keys of a cipher that it was not told to');
  return { kind: 'installKeys', direction: of, keys };
}

function heldKeys(cryptoInfo: Uint8Array, of: Direction): Output | undefined {
  const keys = decodeKernelKeys(cryptoInfo);
  cryptoInfo.fill(0);
  return keys && { kind: 'keys', direction: of, keys };
}

function session(bytes: Uint8Array): Output {
  const idEnd = 1 + (bytes[0] ?? 0);
  const ticketEnd = idEnd + 2 + (bytes[idEnd] ?? 0) + ((bytes[idEnd + 1] ?? 0) << 8);
  return {
    kind: 'session',
    id: bytes.slice(1, idEnd),
    ticket: bytes.slice(idEnd + 2, ticketEnd),
    // A secret, and no copy of it.
    session: bytes.subarray(ticketEnd),
  };
}

function helloQuestion(bytes: Uint8Array): Output {
  const idEnd = 2 + (bytes[1] ?? 0);
  return {
    kind: 'question',
    about: 'hello',
    sessionId: bytes.slice(2, idEnd),
    hasTicket: bytes[0] === 1,
    serverName: byteText(bytes.subarray(idEnd)),
  };
}

function certificateQuestion(bytes: Uint8Array): Output {
  return { kind: 'question', about: 'certificate', wantsOcsp: bytes[0] === 1 };
}
