import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { type Identity, issue } from '../helpers/certificates.ts';
import { nodes } from './contenders.ts';
import { type Effort, inTurns, type Listener, makeRow, type Sample } from './measure.ts';

/** From nothing loaded to the first connection made, each time in a fresh process; and what has to be fetched for that. */
export async function cold(listener: Listener, { rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const { port, close } = await nodes.listen(identity, { version: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {});
    socket.resume();
  });
  const subjects = { native: 'native', 'node:tls': 'node:tls' };
  const times = await inTurns(
    subjects,
    rounds,
    (name) => firstConnection(name, port, identity),
    (round) => listener.progress(`round ${round} of ${rounds}`),
  );
  close();
  const by = (key: keyof Times): Record<string, Sample[]> =>
    Object.fromEntries(Object.entries(times).map(([name, all]) => [name, all.map((one) => ({ figure: one[key] }))]));
  const common = { unit: 'ms', better: 'less', goals: { native: { figure: 80 } } } as const;
  const name = 'import and first connection, cold';
  listener.row(makeRow({ ...common, name, samples: by('wall') }));
  listener.row(makeRow({ ...common, name: `${name}: processor time`, samples: by('processor') }));
  const wasm = readFileSync(new URL('../../wasm/ktls.wasm', import.meta.url));
  listener.row(
    makeRow({
      name: 'ktls.wasm, brotli',
      unit: 'KiB',
      better: 'less',
      goals: { wasm: { figure: 620 } },
      samples: { wasm: [{ figure: brotliCompressSync(wasm).length / 1024 }] },
    }),
  );
}

/** Milliseconds. */
interface Times {
  readonly wall: number;
  readonly processor: number;
}

async function firstConnection(name: string, port: number, { cert }: Identity): Promise<Times> {
  const child = fork(fileURLToPath(new URL('first-connection.ts', import.meta.url)), [name, `${port}`, cert]);
  const [times] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (typeof times !== 'object') throw new Error(`${name} made no first connection`);
  return times;
}
