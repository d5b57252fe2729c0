import { once } from 'node:events';
import { type Identity, issue, type KeyKind } from '../helpers/certificates.ts';
import { type Contender, nodes, ours, type Suite } from './contenders.ts';
import { compare, type Row } from './measure.ts';

interface Kind {
  readonly name: string;
  readonly key: KeyKind;
  readonly suite: Suite;
  readonly goal: number;
  readonly resumes?: boolean;
}

/** Handshakes one after the other, client and server in one thread. */
export async function handshakes(tell: (row: Row) => void): Promise<void> {
  for (const kind of kinds) {
    const identity = await issue(undefined, { keyKind: kind.key });
    const ends = await Promise.all([ours, nodes].map((contender) => start(contender, identity, kind)));
    const [our, their] = ends;
    if (!our || !their) throw new Error('two contenders are compared');
    // OpenSSL in WebAssembly is compiled in two steps, the second while it runs: for some hundred handshakes it is slower.
    for (let i = 0; i < warmUps; i++) await Promise.all(ends.map(({ run }) => run()));
    const compared = { unit: 'a second', name: kind.name, goal: kind.goal, rounds: 5 };
    tell(await compare({ ...compared, ours: () => our.run(), theirs: () => their.run() }));
    for (const { end } of ends) end();
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

async function start(contender: Contender, identity: Identity, { suite, resumes = false }: Kind) {
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
    await once(socket, 'secureConnect');
    const reused: unknown = Reflect.apply(Reflect.get(socket, 'isSessionReused'), socket, []);
    if (offered && reused !== true) throw new Error(`${contender.name} did not resume`);
    socket.end();
    await closed;
  };
  if (resumes) await one(undefined);
  return {
    async run(): Promise<number> {
      const before = accepted;
      // A session of TLS 1.3 is good for once; each connection brings the next.
      for (let i = 0; i < count; i++) await one(resumes ? session : undefined);
      if (accepted - before !== count) throw new Error('handshakes are missing');
      return count;
    },
    end: () => server.close(),
  };
}

const count = 60;
const warmUps = 3;
