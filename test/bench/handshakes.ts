import { once } from 'node:events';
import { type Identity, issue, type KeyKind } from '../helpers/certificates.ts';
import { type Contender, contenders, type Suite } from './contenders.ts';
import { compare, type Effort, type Listener } from './measure.ts';

interface Kind {
  readonly name: string;
  readonly key: KeyKind;
  readonly suite: Suite;
  readonly goal: number;
  readonly resumes?: boolean;
}

/** Handshakes one after the other, client and server in one thread. */
export async function handshakes(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const count = Math.ceil(60 * scale);
  for (const kind of kinds) {
    const identity = await issue(undefined, { keyKind: kind.key });
    const [native, nodes] = await Promise.all(
      [contenders.native, contenders['node:tls']].map((contender) => start(contender, identity, kind, count)),
    );
    if (!native || !nodes) throw new Error('two contenders are compared');
    // OpenSSL in WebAssembly is compiled in two steps, the second while it runs: for some hundred handshakes it is slower.
    for (let i = 0; i < warmUps; i++) for (const { run } of [native, nodes]) await run();
    const runs = { native: native.run, 'node:tls': nodes.run };
    const goals = { native: { ratio: kind.goal } };
    await compare({ name: `handshake, ${kind.name}`, unit: 'a second', goals, runs, rounds }, listener);
    for (const { end } of [native, nodes]) end();
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

async function start(contender: Contender, identity: Identity, { suite, resumes = false }: Kind, count: number) {
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

const warmUps = 3;
