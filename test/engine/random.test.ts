import { randomFillSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { issue } from '../helpers/certificates.ts';
import { clientContext, EnginePair, makeModule, serverContext } from './engine-pair.ts';

it('the vectors of session tickets come from outside, too, and not from a generator of OpenSSL’s own', async () => {
  const lengths: number[] = [];
  const module = makeModule({
    random(target) {
      lengths.push(target.length);
      randomFillSync(target);
    },
  });
  const identity = await issue(undefined);
  const contexts = {
    client: clientContext(module, identity.cert, 0x0304),
    server: serverContext(module, identity, 0x0304),
  };
  lengths.length = 0;
  new EnginePair(contexts).handshake().dispose();
  // A server of TLS 1.3 issues two tickets; AES-128-CBC takes a vector of 16 bytes.
  expect(lengths.filter((length) => length === 16)).toHaveLength(2);
});
