import type { CipherSuite } from '../protocol/cipher-suites.ts';
import { copySecret } from '../protocol/secret-bytes.ts';
import type { Sender } from './conversation.ts';
import type { ClientHello, ServerHello } from './hello.ts';
import { hex } from './hex.ts';
import { type CaptureSecrets, trafficSecretLabels } from './secrets.ts';
import type { Tls12Secrets } from './tls12-keys.ts';
import { Epoch, type Tls13Secrets } from './tls13-keys.ts';

/** What both hellos of a connection settled. */
export interface Negotiated {
  readonly clientHello: ClientHello;
  readonly serverHello: ServerHello;
  readonly suite: CipherSuite;
}

/** What there is to open a TLS 1.3 connection's records with; a string says why there is nothing. */
export function tls13Secrets(
  { keyLog, exported }: CaptureSecrets,
  { clientHello, suite }: Negotiated,
  sender: Sender,
): Tls13Secrets | string {
  const { protection, hash } = suite;
  if (protection?.kind !== 'aead') return unsupported(suite);
  const byEpoch = new Map<number, Uint8Array>();
  const labels = trafficSecretLabels[sender];
  for (const [epoch, label] of [
    [Epoch.early, clientHello.offersEarlyData ? labels.early : undefined],
    [Epoch.handshake, labels.handshake],
    [Epoch.application, labels.application],
  ] as const) {
    const secret = label && keyLog.secret(clientHello.random, label);
    if (secret !== undefined && (epoch === Epoch.early || secret.length === hashLengths[hash])) {
      byEpoch.set(epoch, copySecret(secret));
    }
  }
  for (const { sender: from, epoch, trafficSecret } of exported.get(hex(clientHello.random)) ?? []) {
    if (from === sender && trafficSecret?.length === hashLengths[hash]) {
      byEpoch.set(Epoch.application + epoch, copySecret(trafficSecret));
    }
  }
  if (byEpoch.size === 0) return missing(clientHello);
  return { hash, aead: protection.aead, byEpoch };
}

/** The same for TLS 1.2. */
export function tls12Secrets(
  { keyLog, exported }: CaptureSecrets,
  { clientHello, serverHello, suite }: Negotiated,
  sender: Sender,
): Tls12Secrets | string {
  const { protection } = suite;
  if (protection === undefined) return unsupported(suite);
  const masterSecret = keyLog.secret(clientHello.random, 'CLIENT_RANDOM');
  const keys = exported.get(hex(clientHello.random))?.find((epoch) => epoch.sender === sender)?.keys;
  if (masterSecret === undefined && keys === undefined) return missing(clientHello);
  return {
    suite: { ...suite, protection },
    encryptThenMac: serverHello.encryptThenMac,
    randoms: { client: clientHello.random, server: serverHello.random },
    masterSecret,
    exported: keys,
  };
}

function unsupported({ name }: CipherSuite): string {
  return `the cipher suite ${name} is not supported`;
}

function missing({ random }: ClientHello): string {
  return `there are no secrets of this connection, whose client random is ${hex(random)}`;
}

const hashLengths: Readonly<Record<CipherSuite['hash'], number>> = { sha256: 32, sha384: 48 };
