import { selfSigned } from '../../../src/cli/self-signed.ts';
import { Engine } from '../../../src/engine/openssl/engine.ts';
import { clientContext, everything, makeModule, serverContext } from '../../engine/engine-pair.ts';
import type { Target } from '../target.ts';

const identity = selfSigned(['localhost']);
const module = makeModule();
const server = serverContext(module, identity);
const client = clientContext(module, identity.cert);

/** A server's and a client's engine take any bytes as the first that the peer sends, in records as they come. */
export const target: Target = {
  seeds() {
    const one = new Engine(client, { isServer: false, offload: everything });
    one.setup.setServerName('localhost');
    const hello = one.resume().find(({ kind }) => kind === 'ciphertext');
    one.dispose();
    const bytes = hello?.kind === 'ciphertext' ? hello.bytes : new Uint8Array();
    return [bytes, Buffer.from('GET / HTTP/1.1\r\n\r\n'), Uint8Array.of(0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10)];
  },
  run(input) {
    for (const isServer of [true, false]) {
      const engine = new Engine(isServer ? server : client, { isServer, offload: everything });
      try {
        engine.resume();
        const outputs = engine.ciphertext(input.subarray(0, 32_768));
        if (outputs.some(({ kind }) => kind === 'applicationData' || kind === 'handshakeDone'))
          throw new Error('a handshake ended that nobody has made');
      } finally {
        engine.dispose();
      }
    }
  },
};
