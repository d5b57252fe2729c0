import { timingSafeEqual } from 'node:crypto';
import type { Connection } from '../connection/connection.ts';
import type { KeyEpoch } from '../connection/key-epoch.ts';
import type { Negotiated } from '../connection/negotiated.ts';
import { isOneOf } from '../context/node-errors.ts';
import { versionName } from '../context/protocol-versions.ts';
import { typeError } from '../errors/coded.ts';
import { keysNotExported } from '../errors/codes.ts';
import { suiteHash } from '../key-schedule/suite-hash.ts';
import { trafficKey } from '../key-schedule/tls13.ts';
import { ConnectionKeys, EpochKeys } from '../keys/exported-keys.ts';
import { hmac } from '../keys/hmac.ts';
import { type KeyLogFile, keyLogFile } from '../keys/key-log-file.ts';
import { isStandard, SecretLog } from '../keys/secret-log.ts';
import type { Transport } from '../platform/transport/transport.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { wipeTrafficKeys } from '../record/crypto-info.ts';
import { Capture } from '../tap/capture.ts';
import type { CaptureFlow, FlowEnds } from '../tap/capture-flow.ts';
import { CapturedTransport, whyNoKernel } from '../tap/captured-transport.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';

/** Where one connection's secrets go: only where somebody asked for them before its handshake. */
export class KeyOutlets {
  readonly #isServer: boolean;
  readonly #file: KeyLogFile | undefined = keyLogFile();
  readonly #secrets: SecretLog | undefined;
  readonly #capture: Capture | undefined;
  #flow: CaptureFlow | undefined;

  /** Throws ERR_INVALID_ARG_TYPE for options of a wrong type. */
  constructor({ isServer, exportKeys, capture }: TLSSocketOptions) {
    if (!isOneOf(exportKeys, 'boolean')) throw wrongType('exportKeys', 'of type boolean');
    if (capture !== undefined && !(capture instanceof Capture))
      throw wrongType('capture', "what captureTo of 'ktls/keys' made");
    this.#isServer = isServer === true;
    this.#secrets = exportKeys ? new SecretLog() : undefined;
    this.#capture = capture;
  }

  get exportsKeys(): boolean {
    return this.#secrets !== undefined;
  }

  get wantsKeyLog(): boolean {
    return (this.#file ?? this.#secrets ?? this.#capture) !== undefined;
  }

  /** Puts the capture, if there is one, between a connection and its transport. */
  captured(transport: Transport, ends: () => Pick<FlowEnds, 'local' | 'remote'>): Transport {
    if (!this.#capture) return transport;
    this.#flow = this.#capture.open({ ...ends(), isServer: this.#isServer });
    return new CapturedTransport(transport, this.#capture, this.#flow);
  }

  /** Why records may not go where they cannot be seen; undefined: they may. */
  get whyNoKernel(): string | undefined {
    return this.#capture && whyNoKernel;
  }

  /** To be told once the handshake is done. */
  secure(negotiated: Negotiated): void {
    this.#flow?.release(
      [
        `${versionName(negotiated.version)} ${negotiated.cipher?.standardName}`,
        negotiated.group && `group ${negotiated.group}`,
        negotiated.signatureScheme && `signed with ${negotiated.signatureScheme}`,
        negotiated.sessionReused && 'resumed',
        negotiated.serverName && `server name ${negotiated.serverName}`,
        negotiated.alpn && `ALPN ${negotiated.alpn}`,
        `captured at the ${this.#isServer ? 'server' : 'client'}`,
      ]
        .filter((fact) => fact)
        .join(', '),
    );
  }

  /** A line of the key log, without its end. */
  keyLog(line: string): void {
    if (!isStandard(line)) return;
    this.#file?.write(line);
    this.#secrets?.add(line);
    this.#flow?.keyLog(line);
  }

  /** What the event 'keys' tells. `epoch`'s keys become the result's. Throws if they are not those that the key log leads to. */
  epochKeys(epoch: KeyEpoch, connection: Connection): EpochKeys {
    const { direction, keys } = epoch;
    const sender = (direction === 'write') === this.#isServer ? 'server' : 'client';
    const cipherSuite = connection.negotiated.cipher?.standardName ?? '';
    const hash = suiteHash(cipherSuite);
    const isTls13 = keys.version === ProtocolVersion.tls13;
    const trafficSecret = isTls13 ? this.#secrets?.trafficSecret(sender, epoch.epoch, hash) : undefined;
    if (trafficSecret) {
      const derived = trafficKey(hmac, hash, trafficSecret, keys.key.length);
      const isSame = timingSafeEqual(derived.key, keys.key) && timingSafeEqual(derived.iv, keys.iv);
      wipeTrafficKeys(derived);
      if (!isSame) throw new Error(`the keys of epoch ${epoch.epoch} are not those of its traffic secret`);
    }
    return new EpochKeys({
      direction,
      sender,
      epoch: epoch.epoch,
      version: isTls13 ? 'TLSv1.3' : 'TLSv1.2',
      cipherSuite,
      aead: keys.aead,
      hash,
      trafficSecret,
      key: keys.key,
      iv: keys.iv,
      sequenceNumber: keys.sequenceNumber,
      recordLayer: epoch.layer,
    });
  }

  /** What {@link TLSSocket.exportKeys} answers. Throws ERR_KTLS_KEYS_NOT_EXPORTED where nobody asked beforehand. */
  connectionKeys(connection: Connection): ConnectionKeys {
    const { negotiated } = connection;
    if (!this.#secrets) throw keysNotExported();
    const cipherSuite = negotiated.cipher?.standardName ?? '';
    const current = (direction: 'read' | 'write'): EpochKeys | undefined => {
      const epoch = connection.keys(direction);
      return epoch && this.epochKeys(epoch, connection);
    };
    const read = current('read');
    const write = current('write');
    const missing = (direction: 'read' | 'write'): string =>
      connection.layers[direction] === 'wasm'
        ? `OpenSSL protects ${cipherSuite} itself and does not tell its keys`
        : noNumber;
    return new ConnectionKeys({
      role: this.#isServer ? 'server' : 'client',
      version: versionName(negotiated.version),
      cipherSuite,
      clientRandom: negotiated.clientRandom,
      serverRandom: negotiated.serverRandom,
      group: negotiated.group,
      signatureScheme: negotiated.signatureScheme,
      serverName: negotiated.serverName,
      alpnProtocol: negotiated.alpn,
      resumed: negotiated.sessionReused,
      keyLog: this.#secrets.text,
      read,
      write,
      unavailable: { ...(!read && { read: missing('read') }), ...(!write && { write: missing('write') }) },
    });
  }

  dispose(): void {
    this.#secrets?.dispose();
  }
}

function wrongType(name: string, expected: string): Error {
  return typeError('ERR_INVALID_ARG_TYPE', `The "options.${name}" property must be ${expected}`);
}

const noNumber = 'the record layer does not tell the number of its next record';
