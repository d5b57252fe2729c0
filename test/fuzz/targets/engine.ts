import { selfSigned } from '../../../src/cli/self-signed.ts';
import type { Output } from '../../../src/connection/handshake.ts';
import { ProtocolVersion } from '../../../src/protocol/version.ts';
import { clientContext, EnginePair, everything, makeModule, nothing, serverContext } from '../../engine/engine-pair.ts';
import type { Identity } from '../../helpers/certificates.ts';
import type { Target } from '../target.ts';

const identity: Identity = selfSigned(['localhost']);
const module = makeModule();
const versions = [ProtocolVersion.tls12, ProtocolVersion.tls13] as const;
const contexts = versions.map((version) => ({
  server: serverContext(module, identity, version),
  client: clientContext(module, identity.cert, version),
}));

/**
 * OpenSSL with a peer that changes what it says. An input is a list of edits: the number of the record, then what becomes of it. What comes out
 * is data only of a handshake that has ended, and nothing is left behind.
 */
export const target: Target = {
  // version and layer; then each edit: record, kind, offset (2 bytes), value
  seeds() {
    // What OpenSSL makes once and keeps is there then.
    for (const setting of settings) target.run(Uint8Array.of(setting));
    isWarm = true;
    warmLevel = module.liveAllocations;
    const edits = [[], [0, 1, 0, 43, 9], [1, 2, 0, 0, 5], [2, 5, 0, 22, 4]];
    return settings.flatMap((setting) => edits.map((edit) => Uint8Array.of(setting, ...edit)));
  },
  run(input) {
    const before = module.liveAllocations;
    handshake(input);
    if (!isWarm || module.liveAllocations <= before) return;
    // What OpenSSL keeps from then on, it keeps once; a leak grows each time.
    const grown = Array.from({ length: repetitions }, () => {
      const level = module.liveAllocations;
      handshake(input);
      return module.liveAllocations - level;
    });
    if (grown.every((blocks) => blocks > 0)) throw new Error(`blocks of memory are left behind each time: ${grown}`);
    if (module.liveAllocations - warmLevel > mostKept)
      throw new Error(`${module.liveAllocations - warmLevel} blocks of memory are kept`);
  },
};

function handshake(input: Uint8Array): void {
  const [setting = 0] = input;
  const chosen = contexts[setting & 1];
  if (!chosen) throw new Error('no such version');
  const pair = new EditingPair(chosen, setting & 2 ? nothing : everything);
  pair.edits = input.subarray(1);
  try {
    pair.handshake();
    for (const side of ['client', 'server'] as const) {
      const kinds = pair.outputs(side).map(({ kind }) => kind);
      const end = kinds.indexOf('handshakeDone');
      if (kinds.includes('applicationData') && (end < 0 || kinds.indexOf('applicationData') < end))
        throw new Error('data came out of a handshake');
    }
  } finally {
    pair.dispose();
  }
}

/** Version and layer. */
const settings = [0, 1, 2, 3];
let isWarm = false;
let warmLevel = 0;
const repetitions = 5;
/** Blocks. Methods that OpenSSL looks up are kept, a few hundred of each. */
const mostKept = 5000;

/** Changes records on their way. */
class EditingPair extends EnginePair {
  edits: Uint8Array = new Uint8Array();
  #count = 0;

  override take(side: 'client' | 'server', outputs: readonly Output[]): this {
    return super.take(
      side,
      outputs.map((output) => this.#edited(output)),
    );
  }

  #edited(output: Output): Output {
    if (output.kind === 'record') return { ...output, fragment: this.#change(output.fragment, 0) };
    // Headers stay: what is no record goes elsewhere.
    if (output.kind === 'ciphertext') return { ...output, bytes: this.#change(output.bytes, 5) };
    return output;
  }

  #change(bytes: Uint8Array, from: number): Uint8Array {
    const number = this.#count++;
    let changed = Uint8Array.from(bytes);
    for (let at = 0; at + 4 < this.edits.length; at += 5) {
      const [record = 0, kind = 0, high = 0, low = 0, value = 0] = this.edits.subarray(at, at + 5);
      if (record % 16 !== number) continue;
      const offset = from + (((high << 8) | low) % Math.max(1, changed.length - from));
      if (kind % 3 === 0) changed[offset] = value;
      else if (kind % 3 === 1) changed[offset] = (changed[offset] ?? 0) ^ value;
      else changed = changed.fill(value, offset, offset + 1 + (kind >> 4));
    }
    return changed;
  }
}
