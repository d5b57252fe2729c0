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
  const name = `peak memory while ${readers} slow readers hold a file of 256 MiB`;
  const samples = await inTurns(
    { register: true, 'node:tls': false },
    rounds,
    async (isOurs) => ({ figure: (await peak({ identity, file, readers, isOurs })) / 1024 }),
    (round) => listener.progress(`${name}: round ${round} of ${rounds}`),
  );
  listener.row(makeRow({ name, unit: 'MiB', better: 'less', goals: { register: { ratio: 0.5 } }, samples }));
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
}): Promise<number> {
  const server = await startWorker(program, ['serve', 'slow readers', { ...identity, file }], isOurs);
  const options = { port: server.told, ca: identity.cert, readers };
  const client = await startWorker(program, ['ask', 'slow readers', options], false);
  try {
    await tell(client, pieces);
    return (await tell(server, 0)).most;
  } finally {
    client.child.kill();
    server.child.kill();
  }
}

const program = fileURLToPath(new URL('slow-readers.mjs', import.meta.url));
const size = 256 * 1024 * 1024;
/** That each reader takes before all leave. */
const pieces = 100;
