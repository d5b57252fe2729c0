import { KeyLog } from '../../../src/dissect/secrets/key-log.ts';
import { Engine } from '../../../src/engine/openssl/engine.ts';
import { OpenSSLError } from '../../../src/engine/openssl/openssl-error.ts';
import { decodeKernelKeys, encodeCryptoInfo } from '../../../src/record/crypto-info.ts';
import { unwrapSession, wrapSession } from '../../../src/socket/session-state.ts';
import { clientContext, everything, makeModule } from '../../engine/engine-pair.ts';
import type { Target } from '../target.ts';

const module = makeModule();
const client = clientContext(module);

/** Key logs, sessions and the kernel's crypto_info: the first byte says which. */
export const target: Target = {
  seeds: () => [
    Uint8Array.of(0, ...Buffer.from(`CLIENT_RANDOM ${'0a'.repeat(32)} ${'0b'.repeat(48)}\n# comment\n`)),
    Uint8Array.of(1, ...wrapSession(Uint8Array.of(0x30, 5, 2, 1, 1, 2, 0), 'localhost')),
    Uint8Array.of(2, 4, 3, 51, 0, ...new Uint8Array(8 + 16 + 4 + 8)),
    Uint8Array.of(2, 3, 3, 54, 0, ...new Uint8Array(12 + 32 + 8)),
  ],
  run(input) {
    const rest = input.subarray(1);
    switch ((input[0] ?? 0) % 3) {
      case 0:
        new KeyLog().add(new TextDecoder().decode(rest));
        return;
      case 1:
        session(rest);
        return;
      default:
        cryptoInfo(rest);
    }
  },
};

function session(bytes: Uint8Array): void {
  const inner = unwrapSession(bytes, { identity: 'localhost', verifies: true });
  const engine = new Engine(client, { isServer: false, offload: everything });
  try {
    for (const state of [bytes, inner]) if (state) engine.setup.setSession(state);
    engine.resume();
  } catch (error) {
    if (!(error instanceof OpenSSLError)) throw error;
  } finally {
    engine.dispose();
  }
}

function cryptoInfo(bytes: Uint8Array): void {
  try {
    const keys = decodeKernelKeys(bytes);
    if (keys && !Buffer.from(encodeCryptoInfo(keys)).equals(bytes)) throw new Error('written back it is another');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}
