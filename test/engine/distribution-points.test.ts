import { beforeAll, expect, it } from 'vitest';
import { TrustStore } from '../../src/engine/openssl/trust-store.ts';
import type { Identity } from '../helpers/certificates.ts';
import { longNamed } from '../helpers/long-names.ts';
import { clientContext, EnginePair, makeModule, serverContext } from './engine-pair.ts';

/** What a client's heap grows by when it looks at a server's certificate, which it trusts as such, in MiB; and whether it then does. */
function look(identity: Identity): { growth: number; trusts: boolean } {
  const module = makeModule();
  const client = clientContext(module);
  const store = new TrustStore(module);
  store.add(Buffer.from(few.cert));
  store.allowPartialChains();
  // The other's certificate would be looked at when it gets into the store.
  if (identity === few) client.useTrustStore(store, false);
  const pair = new EnginePair({ client, server: serverContext(makeModule(), identity) });
  const before = module.heap.size;
  pair.handshake();
  return { growth: (module.heap.size - before) / 2 ** 20, trusts: pair.client.negotiated.verifyResult === 0 };
}

let many: Identity;
let few: Identity;

beforeAll(async () => {
  many = await longNamed(500, 1000);
  few = await longNamed(4, 4);
});

it('CVE-2026-35189: many relative distribution points take no memory to speak of', () => {
  expect(look(many)).toEqual({ growth: 0, trusts: false });
});

it('a few do no harm to a certificate that is trusted', () => {
  expect(look(few)).toEqual({ growth: 0, trusts: true });
});
