import { once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineModule } from '../../src/engine/openssl/module.ts';
import { createSecureContext } from '../../src/index.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { owned } from './scenario.ts';
import { bothSecure, codeOf, dial, listening, node, pairs } from './surface.ts';

let identities: Identities;
const uncaught: unknown[] = [];

beforeAll(async () => {
  identities = await makeIdentities();
});

beforeEach(() => {
  uncaught.length = 0;
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  return () => process.off('uncaughtException', note);
});

/** Makes WebAssembly trap: the address is outside of its memory. */
function trap(module: EngineModule): void {
  const nowhere = Object(module.heap.size).valueOf();
  expect(() => module.exports.ktls_engine_receive(nowhere, 1)).toThrow(/has failed/);
}

function fault(socket: tls.TLSSocket): Promise<unknown> {
  return once(socket, 'error').then(([error]) => codeOf(error));
}

describe.each(pairs.filter(({ client, server }) => client !== node && server !== node))('$name', (pair) => {
  it('a trap is the end of all connections of the thread, not of the process, and the next have another', async () => {
    const before = engineModule();
    const { server, port } = await listening(pair.server, identities.server);
    const dialled = dial(pair.client, port, identities).resume();
    const told = once(dialled, 'session');
    const { client, accepted } = await bothSecure(server, dialled);
    const [session] = await told;
    const opening = once(server, 'tlsConnection');
    owned(net.connect(port, '127.0.0.1'));
    await opening;
    const unfinished = once(server, 'tlsClientError').then(([error]) => codeOf(error));
    const ended = [unfinished, fault(client), fault(accepted)];
    trap(before);
    expect(await Promise.all(ended)).toEqual(Array.from({ length: 3 }, () => 'ERR_KTLS_UNAVAILABLE'));
    const again = await bothSecure(server, dial(pair.client, port, identities, { session }));
    // The server's context is another, and its ticket keys are the same.
    expect(again.accepted.isSessionReused()).toBe(true);
    const [echoed] = await Promise.all([once(again.client, 'data'), again.accepted.write('still there')]);
    expect(String(echoed[0])).toBe('still there');
    expect(engineModule() === before).toBe(false);
    again.client.destroy();
    expect(uncaught).toEqual([]);
  });

  it('a trap in the middle of a handshake that the application is asked in', async () => {
    const { server, port } = await listening(pair.server, {
      ...identities.server,
      ALPNCallback: () => {
        trap(engineModule());
        return 'x';
      },
    });
    const failed = once(server, 'tlsClientError').then(([error]) => codeOf(error));
    const client = dial(pair.client, port, identities, { ALPNProtocols: ['x'] });
    const ended = fault(client);
    expect([await failed, await ended]).toEqual(['ERR_KTLS_UNAVAILABLE', 'ERR_KTLS_UNAVAILABLE']);
    expect(uncaught).toEqual([]);
  });

  it('a crowd that has gone leaves no memory behind, and contexts made before it work', async () => {
    const before = engineModule();
    const { server, port } = await listening(pair.server, { ...identities.server });
    server.addContext('other.example', createSecureContext(identities.wrongName));
    const page = 65_536;
    before.exports.memory.grow((64 << 20) / page);
    const first = await bothSecure(server, dial(pair.client, port, identities));
    const gone = [first.client, first.accepted].map((socket) => once(socket.resume().end(), 'close'));
    await Promise.all(gone);
    expect(engineModule() === before).toBe(false);
    expect(() => before.heap.size).toThrow(/was given up/);
    expect(engineModule().heap.size).toBeLessThan(32 << 20);
    const named = dial(pair.client, port, identities, { servername: 'other.example' });
    const { client } = await bothSecure(server, named);
    expect(client.getPeerCertificate().subject.CN).toBe('other.example');
    client.destroy();
    expect(uncaught).toEqual([]);
  });
});
