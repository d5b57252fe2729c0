import type { SecureContext } from '../../src/context/secure-context.ts';
import { Engine } from '../../src/engine/openssl/engine.ts';

/** The record of a client's first message. */
export function oneHello(context: SecureContext): Buffer {
  const engine = new Engine(context.for({ verifiesPeer: false, isServer: false }), {
    isServer: false,
    offload: { read: [], write: [] },
  });
  engine.setup.setServerName('localhost');
  const first = engine.resume().find(({ kind }) => kind === 'ciphertext');
  engine.dispose();
  if (first?.kind !== 'ciphertext') throw new Error('there is no hello');
  return Buffer.from(first.bytes);
}

/**
 * The same with as many cipher suites and as long a padding as can be (RFC 8446 §4.1.2, RFC 7685), as OpenSSL takes at most 131 KB. In
 * records of the largest size.
 */
export function longestHello(record: Uint8Array): Buffer {
  const hello = Buffer.from(record).subarray(5);
  // Behind the message's header, version and random: session id, cipher suites, compression, extensions.
  const suitesAt = 4 + 2 + 32 + 1 + (hello[38] ?? 0);
  const suites = hello.subarray(suitesAt + 2, suitesAt + 2 + hello.readUInt16BE(suitesAt));
  const compressionAt = suitesAt + 2 + suites.length;
  const extensionsAt = compressionAt + 1 + (hello[compressionAt] ?? 0);
  const extensions = hello.subarray(extensionsAt + 2);
  // Unknown suites of private use (RFC 8446 §B.4).
  const unknown = Buffer.alloc(mostSuites - suites.length, 0xff);
  const padding = Buffer.alloc(mostExtensions - extensions.length);
  padding.writeUInt16BE(21, 0);
  padding.writeUInt16BE(padding.length - 4, 2);
  const body = Buffer.concat([
    ...[hello.subarray(4, suitesAt), pair(mostSuites), suites, unknown],
    ...[hello.subarray(compressionAt, extensionsAt), pair(mostExtensions), padding, extensions],
  ]);
  const message = Buffer.concat([Buffer.of(1, body.length >> 16), pair(body.length & 0xffff), body]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 16_384) {
    const part = message.subarray(at, at + 16_384);
    records.push(Buffer.of(22, 3, 1), pair(part.length), part);
  }
  return Buffer.concat(records);
}

function pair(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

const mostSuites = 65_534;
const mostExtensions = 65_535;
