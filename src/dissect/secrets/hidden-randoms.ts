import { trafficKeys } from '../../key-schedule/tls13.ts';
import type { MemoryBudget } from '../../pcap/memory-budget.ts';
import type { CipherSuite } from '../../protocol/cipher-suites.ts';
import type { Sender } from '../conversation.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import { AeadEpoch } from '../epochs/aead-epoch.ts';
import { openEncryptedHello } from '../handshake/encrypted-hello.ts';
import type { ClientHello } from '../handshake/hello.ts';
import { type CaptureSecrets, trafficSecretLabels } from './secrets.ts';

/**
 * The randoms that secrets of one connection may be logged under. Beside the one that was sent there is the one of a hello that it hid
 * (RFC 9849), which a key log may open (RFC 9850 §2.3), and which trial finds otherwise.
 */
export class HiddenRandoms {
  readonly #cryptography: CaptureCryptography;
  readonly #secrets: CaptureSecrets;
  /** Of all connections of a capture together: each try costs as much as a record. */
  readonly #trials: MemoryBudget;
  #randoms: readonly Uint8Array[] = [];
  #hellos = 0;
  #mayHide = true;
  #innerName: string | undefined;
  readonly #searched = new Set<Sender>();

  constructor(setting: {
    readonly cryptography: CaptureCryptography;
    readonly secrets: CaptureSecrets;
    readonly trials: MemoryBudget;
  }) {
    this.#cryptography = setting.cryptography;
    this.#secrets = setting.secrets;
    this.#trials = setting.trials;
  }

  get known(): readonly Uint8Array[] {
    return this.#randoms;
  }

  /** Takes the next hello, of which a retry brings a second. The name that it hid, if it could be opened and counts. */
  greet({ random, encryptedHello }: ClientHello): string | undefined {
    const { keyLog } = this.#secrets;
    const sequence = this.#hellos++;
    // RFC 9849 §6.1.5: the hello after a retry hides the same one.
    const isSame = this.#randoms.at(-1)?.every((byte, at) => byte === random[at]) === true;
    if (!isSame) {
      this.#randoms = [random];
      this.#innerName = undefined;
    }
    this.#mayHide = encryptedHello !== undefined;
    if (encryptedHello === undefined) return undefined;
    for (const secret of keyLog.secrets(random, 'ECH_SECRET')) {
      for (const config of keyLog.secrets(random, 'ECH_CONFIG')) {
        const inner = openEncryptedHello(this.#cryptography, encryptedHello, { secret, config, sequence });
        if (inner === undefined) continue;
        this.#randoms = [inner.random, random];
        // A server that did not take it goes on with the outer hello, and then there are no secrets of the inner one.
        if (keyLog.has(inner.random)) this.#innerName = inner.serverName;
      }
    }
    return this.#innerName;
  }

  /** Tries each logged handshake secret on the first record of a sender. Whether one fits: its random is known then. */
  search({ protection, hash }: CipherSuite, sender: Sender, record: Uint8Array): boolean {
    if (this.#searched.has(sender) || !this.#mayHide || protection?.kind !== 'aead') return false;
    this.#searched.add(sender);
    const { keyLog } = this.#secrets;
    const { handshake: label } = trafficSecretLabels[sender];
    for (const random of keyLog.randomsWith(label)) {
      for (const secret of keyLog.secrets(random, label)) {
        if (!this.#trials.take(1)) return false;
        const keys = trafficKeys(this.#cryptography.hmac, hash, protection, secret);
        const epoch = new AeadEpoch(this.#cryptography, keys);
        const opened = epoch.open(record);
        epoch.dispose();
        if (opened === undefined) continue;
        this.#randoms = [random, ...this.#randoms];
        return true;
      }
    }
    return false;
  }
}
