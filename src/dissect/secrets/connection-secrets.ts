import { masterSecret } from '../../key-schedule/tls12.ts';
import type { CipherSuite } from '../../protocol/cipher-suites.ts';
import { copySecret } from '../../protocol/secret-bytes.ts';
import type { Sender } from '../conversation.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import type { Tls12Secrets } from '../epochs/tls12-keys.ts';
import { Epoch, type Tls13Secrets } from '../epochs/tls13-keys.ts';
import type { ClientHello, ServerHello } from '../handshake/hello.ts';
import type { KeyExchange } from '../handshake/key-exchange.ts';
import { hex } from '../hex.ts';
import { type CaptureSecrets, trafficSecretLabels } from './secrets.ts';
import { type SessionSecrets, sessionKey, ticketKey } from './session-secrets.ts';

/** What both hellos of a connection settled. */
export interface Negotiated {
  readonly clientHello: ClientHello;
  readonly serverHello: ServerHello;
  readonly suite: CipherSuite;
}

/**
 * What there is to open a TLS 1.3 connection's records with; a string says why there is nothing. `randoms`: those that secrets may be
 * logged under, of the hello that was sent and of one that it hid.
 */
export function tls13Secrets(
  { cryptography, secrets: { keyLog, exported } }: Pick<Tls12Sources, 'cryptography' | 'secrets'>,
  { clientHello, suite }: Negotiated,
  sender: Sender,
  randoms: readonly Uint8Array[],
): Tls13Secrets | string {
  const { protection, hash } = suite;
  if (protection?.kind !== 'aead' || !cryptography.supports(protection)) return unsupported(suite);
  const byEpoch = new Map<number, Uint8Array[]>();
  const add = (epoch: number, secret: Uint8Array): void => {
    const known = byEpoch.get(epoch) ?? [];
    byEpoch.set(epoch, [...known, copySecret(secret)]);
  };
  const labels = trafficSecretLabels[sender];
  for (const [epoch, label] of [
    [Epoch.early, clientHello.offersEarlyData ? labels.early : undefined],
    [Epoch.handshake, labels.handshake],
    [Epoch.application, labels.application],
  ] as const) {
    const secrets = label === undefined ? [] : randoms.flatMap((random) => keyLog.secrets(random, label));
    for (const secret of secrets) {
      if (epoch === Epoch.early || secret.length === hashLengths[hash]) add(epoch, secret);
    }
  }
  for (const { sender: from, epoch, trafficSecret } of exported.get(hex(clientHello.random)) ?? []) {
    const isOurs = from === sender && trafficSecret?.length === hashLengths[hash];
    if (isOurs && !(byEpoch.get(Epoch.application + epoch) ?? []).some((known) => isSame(known, trafficSecret))) {
      add(Epoch.application + epoch, trafficSecret);
    }
  }
  if (byEpoch.size === 0) return missing(clientHello);
  return { hash, protection, byEpoch };
}

/** What the secrets of TLS 1.0 to 1.2 may be found with. */
export interface Tls12Sources {
  readonly cryptography: CaptureCryptography;
  readonly secrets: CaptureSecrets;
  readonly sessions: SessionSecrets;
  readonly keyExchange: KeyExchange;
}

/** The same for TLS 1.0 to 1.2. */
export function tls12Secrets(sources: Tls12Sources, negotiated: Negotiated, sender: Sender): Tls12Secrets | string {
  const { clientHello, serverHello, suite } = negotiated;
  const { protection } = suite;
  if (protection === undefined || (protection.kind === 'aead' && serverHello.version < aeadVersion)) {
    return unsupported(suite);
  }
  if (!sources.cryptography.supports(protection)) return unsupported(suite);
  const { keyLog, exported } = sources.secrets;
  const masterSecrets = [
    ...keyLog.secrets(clientHello.random, 'CLIENT_RANDOM'),
    ...keyLog.sessionSecrets(serverHello.sessionId),
    ...derivedSecrets(sources, negotiated),
  ];
  const keys = exported.get(hex(clientHello.random))?.find((epoch) => epoch.sender === sender)?.keys;
  if (masterSecrets.length === 0 && keys === undefined) return missing(clientHello);
  return {
    version: serverHello.version,
    suite: { ...suite, protection },
    encryptThenMac: serverHello.encryptThenMac,
    randoms: { client: clientHello.random, server: serverHello.random },
    masterSecrets,
    exported: keys,
  };
}

/** Master secrets of premaster secrets, and those of a session that is resumed. They are kept with the sessions, and are theirs. */
function derivedSecrets(sources: Tls12Sources, { clientHello, serverHello, suite }: Negotiated): readonly Uint8Array[] {
  const { cryptography, sessions, keyExchange, secrets } = sources;
  const { encrypted } = keyExchange;
  const bySession = sessionKey(serverHello.sessionId);
  if (encrypted === undefined) {
    const resumed = sessions.of(bySession);
    return resumed.length > 0 ? resumed : sessions.of(ticketKey(cryptography, clientHello.ticket));
  }
  const opened = secrets.privateKeys.flatMap((key) => key.open(encrypted) ?? []);
  const premasters = [
    ...secrets.keyLog.secrets(clientHello.random, 'PMS_CLIENT_RANDOM'),
    ...secrets.keyLog.premasters(encrypted),
    ...opened,
  ];
  if (premasters.length === 0) return [];
  const prf = { version: serverHello.version, hash: suite.hash };
  const sessionHash = serverHello.extendedMasterSecret ? keyExchange.sessionHash(cryptography, prf) : undefined;
  if (serverHello.extendedMasterSecret && sessionHash === undefined) return [];
  const from = sessionHash ? { sessionHash } : { client: clientHello.random, server: serverHello.random };
  const masters = premasters.map((premaster) => masterSecret(cryptography.hmac, prf, premaster, from));
  const key = bySession ?? `random ${hex(clientHello.random)}`;
  sessions.remember(key, masters);
  for (const secret of [...opened, ...masters]) secret.fill(0);
  return sessions.of(key);
}

function unsupported({ name }: CipherSuite): string {
  return `the cipher suite ${name} is not supported`;
}

function missing({ random }: ClientHello): string {
  return random.length === 0
    ? 'the capture has no ClientHello of this connection, and no secrets fit it'
    : `there are no secrets of this connection, whose client random is ${hex(random)}`;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

const hashLengths: Readonly<Record<CipherSuite['hash'], number>> = { sha256: 32, sha384: 48 };

/** AEADs came with TLS 1.2. */
const aeadVersion = 0x0303;
