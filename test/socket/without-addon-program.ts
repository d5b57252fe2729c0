// node --no-addons without-addon-program.ts: connections send at a time, and nobody reads until the system takes no more of any of them. Then every
// other one is destroyed, and the rest are read. How many arrived, as JSON.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { recordProtection } from '../../src/cli/machine.ts';
import * as ktls from '../../src/index.ts';
import { makeIdentities } from './identities.ts';

const count = 4;
/** More than a system keeps for a connection. */
const length = 24_000_000;

const { server: identity, authority } = await makeIdentities();
const hashes = new Map<number, string>();
let allFull = (): void => {};
const full = new Promise<void>((resolve) => {
  allFull = resolve;
});
let notFull = count;

const server = ktls.createServer({ ...identity, ktls: 'off' }, async (socket) => {
  socket.on('error', () => {});
  await full;
  const hash = createHash('sha256');
  let [number, received] = [-1, 0];
  for await (const part of socket) {
    if (number < 0) number = part[0];
    received += part.length;
    hash.update(part);
  }
  if (received === length) hashes.set(number, hash.digest('hex'));
  socket.end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' && address ? address.port : 0;

/** Resolves to whether all arrived as it was sent. */
async function send(number: number, isCut: boolean): Promise<boolean> {
  const options = { host: '127.0.0.1', port, ca: authority.cert, servername: 'localhost', ktls: 'off' } as const;
  const client = ktls.connect(options);
  client.on('error', () => {}).resume();
  await once(client, 'secureConnect');
  const closed = once(client, 'close');
  const hash = createHash('sha256');
  let isFull = false;
  for (let sent = 0; sent < length && !client.destroyed; ) {
    const part = Buffer.alloc(Math.min(200_000, length - sent), number);
    part.writeUInt32LE(sent, 4);
    hash.update(part);
    sent += part.length;
    if (client.write(part)) continue;
    const drained = once(client, 'drain').then(
      () => true,
      () => true,
    );
    if (isFull || (await Promise.race([drained, turns(50)]))) {
      await drained;
      continue;
    }
    isFull = true;
    if (--notFull === 0) allFull();
    await full;
    if (isCut) client.destroy();
    else await drained;
  }
  client.end();
  await closed;
  return hashes.get(number) === hash.digest('hex');
}

async function turns(many: number): Promise<false> {
  for (let turn = 0; turn < many; turn++) await nextTurn();
  return false;
}

const arrived = await Promise.all(Array.from({ length: count }, (_, number) => send(number, number % 2 === 1)));
server.close();
const whole = arrived.filter((isWhole) => isWhole).length;
console.log(JSON.stringify({ by: recordProtection().by, whole, cut: arrived.length - whole }));
