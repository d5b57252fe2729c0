import http from 'node:http';
import type net from 'node:net';
import { type Identity, issue } from '../helpers/certificates.ts';
import { bulkContenders, type Contender } from './contenders.ts';
import { compareRates, type Effort, type Listener } from './measure.ts';
import { type Work, withSubjects } from './subjects.ts';

/** GET over kept connections, 50 at a time. */
export async function requests(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  for (const { length, count, goal } of [
    { length: 1024, count: 3000, goal: 1.2 },
    { length: 65_536, count: 1500, goal: 1.4 },
  ]) {
    const compared = { unit: 'a second', goals: { native: { ratio: goal } }, rounds };
    await withSubjects(
      'getAll',
      // By TCP it is plain HTTP: what is left of that is what TLS costs.
      bulkContenders().filter((name) => name !== 'wasm'),
      () => ({ identity, length, count: Math.ceil(count * scale) }),
      (subjects) => compareRates(subjects, { ...compared, name: `https GET ${length / 1024} KB` }, listener),
    );
  }
}

export async function getAll(
  contender: Contender,
  { identity, length, count }: { readonly identity: Identity; readonly length: number; readonly count: number },
): Promise<Work> {
  const body = Buffer.alloc(length, 1);
  const web = http.createServer((_request, response) => response.end(body));
  // Connections wait while it is the others' turn.
  web.keepAliveTimeout = 0;
  const server = await contender.listen(identity, { version: 'TLSv1.3' }, (socket) => web.emit('connection', socket));
  const connect = contender.connector(identity, { version: 'TLSv1.3' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  Object.assign(agent, {
    createConnection(_options: unknown, done: (error: Error | null, socket: net.Socket) => void): void {
      const socket = connect(server.port);
      socket.once(contender.ready, () => done(null, socket));
    },
  });
  return {
    async run() {
      let left = count;
      const one = (): Promise<void> =>
        new Promise((resolve, reject) => {
          const request = http.get({ agent, port: server.port }, (response) => {
            response.resume();
            response.on('end', resolve);
          });
          request.on('error', reject);
        });
      await Promise.all(
        Array.from({ length: connections }, async () => {
          while (left-- > 0) await one();
        }),
      );
      return count;
    },
  };
}

const connections = 50;
