import { once } from 'node:events';
import { type Identity, issue, type KeyKind } from '../helpers/certificates.ts';
import type { Contender, Suite } from './contenders.ts';
import { compareRates, type Effort, type Listener } from './measure.ts';
import { type Work, withSubjects } from './subjects.ts';

interface Kind {
  readonly name: string;
  readonly key: KeyKind;
  readonly suite: Suite;
  readonly goal: number;
  readonly resumes?: boolean;
}

/** Handshakes one after the other, client and server in one thread. */
export async function handshakes(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const count = Math.ceil(400 * scale);
  for (const [index, { name, key, suite, goal, resumes = false }] of kinds.entries()) {
    const identity = await issue(undefined, { keyKind: key });
    const compared = { name: `handshake, ${name}`, unit: 'a second', goals: { native: { ratio: goal } }, rounds };
    await withSubjects(
      'makeHandshakes',
      // A connection without any handshake is the same for all of them.
      ['native', 'node:tls', ...(index === 0 ? (['tcp'] as const) : [])],
      () => ({ identity, suite, resumes, count }),
      (subjects) => compareRates(subjects, compared, listener),
    );
  }
}

const kinds: readonly Kind[] = [
  { name: 'TLS 1.3, ECDSA P-256, X25519', key: 'ecdsa', suite: { version: 'TLSv1.3', group: 'X25519' }, goal: 0.95 },
  { name: 'TLS 1.3, RSA-2048, X25519', key: 'rsa', suite: { version: 'TLSv1.3', group: 'X25519' }, goal: 1 },
  {
    name: 'TLS 1.3, ECDSA, X25519MLKEM768',
    key: 'ecdsa',
    suite: { version: 'TLSv1.3', group: 'X25519MLKEM768' },
    goal: 0.95,
  },
  { name: 'TLS 1.2, ECDSA, X25519', key: 'ecdsa', suite: { version: 'TLSv1.2', group: 'X25519:P-256' }, goal: 0.95 },
  { name: 'TLS 1.3 resumed', key: 'ecdsa', suite: { version: 'TLSv1.3', group: 'X25519' }, goal: 1, resumes: true },
  {
    name: 'TLS 1.2 resumed',
    key: 'ecdsa',
    suite: { version: 'TLSv1.2', group: 'X25519:P-256' },
    goal: 1.5,
    resumes: true,
  },
];

export async function makeHandshakes(
  contender: Contender,
  {
    identity,
    suite,
    resumes,
    count,
  }: { readonly identity: Identity; readonly suite: Suite; readonly resumes: boolean; readonly count: number },
): Promise<Work> {
  let accepted = 0;
  const server = await contender.listen(identity, suite, (socket) => {
    accepted++;
    socket.on('error', () => {});
    socket.resume();
    socket.end();
  });
  const connect = contender.connector(identity, suite);
  let session: Buffer | undefined;
  const one = async (offered: Buffer | undefined): Promise<void> => {
    const socket = connect(server.port, offered && { session: offered });
    socket.on('session', (told: Buffer) => {
      session = told;
    });
    const closed = once(socket, 'close');
    socket.resume();
    await once(socket, contender.ready);
    if (offered && Reflect.apply(Reflect.get(socket, 'isSessionReused'), socket, []) !== true)
      throw new Error(`${contender.name} did not resume`);
    socket.end();
    await closed;
  };
  if (resumes) await one(undefined);
  return {
    async run() {
      const before = accepted;
      // A session of TLS 1.3 is good for once; each connection brings the next.
      for (let i = 0; i < count; i++) await one(resumes ? session : undefined);
      if (accepted - before !== count) throw new Error('handshakes are missing');
      return count;
    },
  };
}
