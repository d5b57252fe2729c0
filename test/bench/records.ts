import { createCipheriv, createSecretKey, webcrypto } from 'node:crypto';
import { createAddonSealer } from '../../src/platform/records/addon-aead.ts';
import { NodeAead } from '../../src/platform/records/node-aead.ts';
import { ContentType } from '../../src/protocol/content-type.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import type { RecordSealer } from '../../src/record/protection.ts';
import { SoftwareSealer } from '../../src/record/software-sealer.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { compareRates, type Effort, type Listener, timed } from './measure.ts';

/** Records of one size, sealed one at a time by all that Node.js has for it. */
export async function records(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const key = await webcrypto.subtle.importKey('raw', keys.key, 'AES-GCM', false, ['encrypt']);
  const addon = createAddonSealer(keys);
  for (const length of [64, 1024, 16_384]) {
    const count = Math.ceil((20_000 * scale) / atOnce) * atOnce;
    const fragment = Buffer.alloc(length, 7);
    const subjects: Record<string, () => Promise<unknown>> = {
      ...(!('refused' in addon) && { native: sealing(addon, fragment, count) }),
      'node:crypto': sealing(new SoftwareSealer(keys, new NodeAead(keys.aead, keys.key)), fragment, count),
      // Making one, which each record takes, and nothing else.
      Cipheriv: async () => {
        for (let i = 0; i < count; i++) createCipheriv(aead, secret, keys.iv, { authTagLength: 16 });
      },
      WebCrypto: async () => {
        for (let i = 0; i < count; i += atOnce)
          await Promise.all(Array.from({ length: atOnce }, () => webcrypto.subtle.encrypt(parameters, key, fragment)));
      },
    };
    await compareRates(
      Object.fromEntries(
        Object.entries(subjects).map(([name, run]) => [name, () => timed(() => run().then(() => count))]),
      ),
      { name: `records of ${length} B sealed`, unit: 'a second', rounds },
      listener,
    );
  }
}

function sealing(sealer: RecordSealer, fragment: Uint8Array, count: number): () => Promise<void> {
  const room = Buffer.alloc(sealer.sealedLength(fragment.length));
  return async () => {
    for (let i = 0; i < count; i++) sealer.sealInto(ContentType.applicationData, fragment, room, 0);
  };
}

const aead = 'aes-128-gcm';
const keys: TrafficKeys = {
  version: ProtocolVersion.tls13,
  aead,
  key: Buffer.alloc(16, 1),
  iv: Buffer.alloc(12, 2),
  sequenceNumber: 0n,
};
const secret = createSecretKey(keys.key);
const parameters = { name: 'AES-GCM', iv: keys.iv, additionalData: Buffer.alloc(5) };

/** What WebCrypto is asked for before any of it is awaited. */
const atOnce = 64;
