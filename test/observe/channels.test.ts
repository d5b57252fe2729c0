import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { connect, createServer, type TLSSocket } from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { makeIdentities } from '../socket/identities.ts';
import { owned } from '../socket/scenario.ts';

const names = ['open', 'secure', 'layer', 'keys', 'failed', 'closed'] as const;
const listeners = new Map<string, (message: unknown) => void>();

afterEach(() => {
  for (const [name, listener] of listeners) diagnostics.unsubscribe(name, listener);
  listeners.clear();
});

interface Told {
  readonly name: string;
  readonly message: { readonly socket: net.Socket; readonly isServer: boolean } & Readonly<Record<string, unknown>>;
}

/** All that is told from here on. */
function watch(): Told[] {
  const told: Told[] = [];
  for (const name of names) {
    const listener = (message: unknown): void => void told.push({ name, message: message as Told['message'] });
    listeners.set(`ktls.connection.${name}`, listener);
    diagnostics.subscribe(`ktls.connection.${name}`, listener);
  }
  return told;
}

const ofSide = (told: readonly Told[], isServer: boolean): Told[] =>
  told.filter(({ message }) => message.isServer === isServer);

it('tells of a connection from its beginning to its end, on both sides', async () => {
  const { server: identity, authority } = await makeIdentities();
  const told = watch();
  const server = createServer({ ...identity, ALPNProtocols: ['here'] }, (socket) => owned(socket).end('hello'));
  const port = await listen(server);
  const where = { port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost', ALPNProtocols: ['here'] };
  const client = owned(connect({ ...where, minVersion: 'TLSv1.3' }));
  await once(client, 'secureConnect');
  client.updateKeys();
  await once(client.resume(), 'close');
  server.close();
  await once(server, 'close');

  for (const isServer of [false, true]) {
    const mine = ofSide(told, isServer);
    const kinds = mine.map(({ name }) => name).filter((name) => name !== 'layer' && name !== 'keys');
    expect(kinds).toEqual(['open', 'secure', 'closed']);
    expect(mine.find(({ name }) => name === 'secure')?.message).toMatchObject({
      ...{ version: 'TLSv1.3', cipherSuite: expect.stringMatching(/^TLS_AES/), resumed: false },
      ...{ serverName: 'localhost', alpnProtocol: 'here' },
    });
    expect(mine.filter(({ name }) => name === 'layer').length).toBeGreaterThan(0);
  }
  expect(ofSide(told, false).at(-1)?.message).toMatchObject({ socket: client, bytesRead: 5, bytesWritten: 0 });
  const changes = ofSide(told, false).filter(({ name }) => name === 'keys');
  expect(changes.map(({ message: { direction, epoch } }) => `${direction} ${epoch}`).toSorted()).toEqual([
    ...['read 0', 'write 0', 'write 1'],
  ]);
  expect(Object.keys(changes[0]?.message ?? {}).toSorted()).toEqual(['direction', 'epoch', 'isServer', 'socket']);
});

it('tells why a connection failed, and that it is closed', async () => {
  const { server: identity } = await makeIdentities();
  const told = watch();
  const server = createServer(identity).on('tlsClientError', () => {});
  const port = await listen(server);
  const client = owned(connect({ port, host: '127.0.0.1', servername: 'localhost' }));
  const [error] = await once(client, 'error');
  await once(client, 'close');
  const mine = ofSide(told, false).filter(({ name }) => !['layer', 'keys'].includes(name));
  expect(mine.map(({ name }) => name)).toEqual(['open', 'secure', 'failed', 'closed']);
  expect(mine[2]?.message).toMatchObject({ socket: client, error });
  server.close();
});

it('a listener that throws is the process’s to hear of, and no connection’s', async () => {
  const { server: identity, authority } = await makeIdentities();
  const broken = new Error('broken');
  listeners.set('ktls.connection.secure', () => {
    throw broken;
  });
  for (const [name, listener] of listeners) diagnostics.subscribe(name, listener);
  const heard: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => heard.push(error));
  try {
    const server = createServer(identity, (socket) => owned(socket).end('hello'));
    const port = await listen(server);
    const client: TLSSocket = owned(connect({ port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' }));
    const [data] = await once(client, 'data');
    expect(String(data)).toBe('hello');
    expect(heard).toContain(broken);
    server.close();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  }
});

it('nobody is asked for facts where nobody listens', async () => {
  const { publish } = await import('../../src/observe/channels.ts');
  let asked = false;
  publish('layer', () => {
    asked = true;
    return { socket: new net.Socket(), isServer: true };
  });
  expect(asked).toBe(false);
});
