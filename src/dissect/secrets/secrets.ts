import type { TrafficKeys } from '../../record/traffic-keys.ts';
import type { Sender } from '../conversation.ts';
import type { PremasterOpener } from '../cryptography.ts';
import type { KeyLog, SecretLabel } from './key-log.ts';

/** Keys of one epoch of application data that an endpoint exported. */
export interface ExportedEpoch {
  readonly sender: Sender;
  /** 0: the first keys for application data, then one more with each KeyUpdate. */
  readonly epoch: number;
  /** TLS 1.3's, of which the keys and all later ones follow. */
  readonly trafficSecret: Uint8Array | undefined;
  /** For the record number that it says. */
  readonly keys: TrafficKeys;
}

/** All secrets that there are for a capture. */
export interface CaptureSecrets {
  readonly keyLog: KeyLog;
  /** By the client's random, in hexadecimal. */
  readonly exported: ReadonlyMap<string, readonly ExportedEpoch[]>;
  /** Servers' RSA keys. */
  readonly privateKeys: readonly PremasterOpener[];
}

/** Labels of TLS 1.3's secrets in a key log (RFC 9850 §2.1). */
export const trafficSecretLabels: Readonly<
  Record<
    Sender,
    { readonly early: SecretLabel | undefined; readonly handshake: SecretLabel; readonly application: SecretLabel }
  >
> = {
  client: {
    early: 'CLIENT_EARLY_TRAFFIC_SECRET',
    handshake: 'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
    application: 'CLIENT_TRAFFIC_SECRET_0',
  },
  server: { early: undefined, handshake: 'SERVER_HANDSHAKE_TRAFFIC_SECRET', application: 'SERVER_TRAFFIC_SECRET_0' },
};
