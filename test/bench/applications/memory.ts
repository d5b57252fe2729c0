import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Identity } from '../../helpers/certificates.ts';
import { type Effort, inTurns, type Listener, makeRow } from '../measure.ts';
import { startWorker, tell } from './processes.ts';

/** Peak resident memory of a server's process while slow readers hold a file: each round has processes of its own. */
export async function memory(
  { identity, folder }: { readonly identity: Identity; readonly folder: string },
  listener: Listener,
  { scale, rounds }: Effort,
): Promise<void> {
  const file = join(folder, 'sparse.bin');
  writeFileSync(file, '');
  truncateSync(file, size);
  const readers = Math.max(1, Math.ceil(100 * scale));
  const name = `peak memory, ${readers} slow readers of 256 MiB`;
  const measured = await inTurns(
    { register: true, 'node:tls': false },
    rounds,
    (isOurs) => peak({ identity, file, readers, isOurs }),
    (round) => listener.progress(`${name}: round ${round} of ${rounds}`),
  );
  const row = (told: string, figure: (peak: Peak) => number, goals: Goals): void => {
    const samples = Object.fromEntries(
      Object.entries(measured).map(([subject, all]) => [subject, all.map((one) => ({ figure: figure(one) / 1024 }))]),
    );
    listener.row(makeRow({ name: told, unit: 'MiB', better: 'less', goals, samples }));
  };
  row(name, ({ most }) => most, { register: { ratio: 0.5 } });
  row('what of that they have added', ({ most, idle }) => most - idle, {});
}

type Goals = NonNullable<Parameters<typeof makeRow>[0]['goals']>;

/** KiB: resident memory at most, and at most before anybody came. */
interface Peak {
  readonly most: number;
  readonly idle: number;
}

async function peak({
  identity,
  file,
  readers,
  isOurs,
}: {
  readonly identity: Identity;
  readonly file: string;
  readonly readers: number;
  readonly isOurs: boolean;
}): Promise<Peak> {
  const server = await startWorker(program, ['serve', 'slow readers', { ...identity, file }], isOurs);
  const options = { port: server.told, ca: identity.cert, readers };
  const client = await startWorker(program, ['ask', 'slow readers', options], false);
  try {
    const { most: idle } = await tell(server, 0);
    await tell(client, pieces);
    return { most: (await tell(server, 0)).most, idle };
  } finally {
    client.child.kill();
    server.child.kill();
  }
}

const program = fileURLToPath(new URL('slow-readers.mjs', import.meta.url));
const size = 256 * 1024 * 1024;
/** That each reader takes before all leave. */
const pieces = 100;
