import { type ImmediateAnswers, maxPskIdentityLength, maxPskLength } from '../connection/handshake.ts';
import { isOneOf } from '../context/node-errors.ts';
import { codedError, typeError } from '../errors/coded.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';

/** The callbacks that node:tls calls in the middle of a handshake. `fail` destroys the socket with what a callback threw. */
export function handshakeAnswers(
  options: TLSSocketOptions,
  owner: {
    readonly socket: object;
    readonly serverName: () => string | undefined;
    /** Told before each question. */
    readonly asked: () => void;
    readonly fail: (error: unknown) => void;
  },
): ImmediateAnswers {
  const guard =
    <Asked, Answer>(answer: (asked: Asked) => Answer | undefined): ((asked: Asked) => Answer | undefined) =>
    (asked) => {
      try {
        owner.asked();
        return answer(asked);
      } catch (error) {
        owner.fail(error);
        return undefined;
      }
    };
  const { ALPNCallback, pskCallback, isServer } = options;
  return {
    ...(ALPNCallback && {
      alpn: guard((wire: Uint8Array) => {
        const protocols = readProtocols(wire);
        const servername = owner.serverName() ?? '';
        return offsetOf(protocols, Reflect.apply(ALPNCallback, owner.socket, [{ servername, protocols }]));
      }),
    }),
    ...(pskCallback &&
      !isServer && {
        pskClient: guard((hint: string) => clientPsk(Reflect.apply(pskCallback, owner.socket, [hint || null]))),
      }),
    ...(pskCallback &&
      isServer && {
        pskServer: guard((identity: string) =>
          serverPsk(Reflect.apply(pskCallback, owner.socket, [owner.socket, identity])),
        ),
      }),
  };
}

/** RFC 7301 §3.1: each name has its length in front. */
function readProtocols(wire: Uint8Array): string[] {
  const protocols: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const end = at + 1 + (wire[at] ?? 0);
    protocols.push(Buffer.from(wire.subarray(at + 1, end)).toString('latin1'));
    at = end;
  }
  return protocols;
}

/** undefined rejects all: no_application_protocol. */
function offsetOf(protocols: readonly string[], chosen: string | undefined): number | undefined {
  if (chosen === undefined) return undefined;
  const index = protocols.indexOf(chosen);
  if (index < 0) {
    throw typeError(
      'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT',
      `ALPN callback returned a value (${chosen}) that did not match any of the client's offered protocols (${protocols.join(', ')})`,
    );
  }
  return protocols.slice(0, index).reduce((offset, name) => offset + 1 + name.length, 0);
}

function clientPsk(answer: unknown): { psk: Uint8Array; identity: string } | undefined {
  if (answer === null || answer === undefined) return undefined;
  if (typeof answer !== 'object') throw invalidType('ret', 'an Object', answer);
  const identity: unknown = Reflect.get(answer, 'identity');
  const psk = checkedPsk(Reflect.get(answer, 'psk'));
  if (typeof identity !== 'string') throw invalidType('identity', 'a string', identity);
  if (Buffer.byteLength(identity) > maxPskIdentityLength) {
    throw typeError('ERR_INVALID_ARG_VALUE', `PSK identity exceeds ${maxPskIdentityLength} bytes`);
  }
  return { psk, identity };
}

function serverPsk(answer: unknown): Uint8Array | undefined {
  if (answer === null || answer === undefined) return undefined;
  if (ArrayBuffer.isView(answer)) return checkedPsk(answer);
  if (typeof answer !== 'object') throw invalidType('ret', 'an Object or a Buffer', answer);
  return checkedPsk(Reflect.get(answer, 'psk'));
}

function checkedPsk(psk: unknown): Uint8Array {
  if (!isOneOf(psk, 'bytes') || !ArrayBuffer.isView(psk))
    throw invalidType('psk', 'a Buffer, TypedArray, or DataView', psk);
  if (psk.byteLength > maxPskLength) {
    throw typeError('ERR_INVALID_ARG_VALUE', `Pre-shared key exceeds ${maxPskLength} bytes`);
  }
  return new Uint8Array(psk.buffer, psk.byteOffset, psk.byteLength);
}

/** Never shows the value: it may be a key. */
function invalidType(name: string, expected: string, value: unknown): Error {
  return typeError('ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${expected}. Received type ${typeof value}`);
}

export const asError = (error: unknown): Error =>
  error instanceof Error ? error : codedError('ERR_UNHANDLED_ERROR', String(error));
