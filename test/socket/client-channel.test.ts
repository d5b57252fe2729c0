import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned } from './scenario.ts';
import { open, pairs, same } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** The sockets that diagnostics_channel tells of while `act` goes on. `told` is called with each at once. */
async function toldOf<Made>(act: () => Promise<Made>, told: () => void = () => {}): Promise<[unknown[], Made]> {
  const sockets: unknown[] = [];
  const listener = (message: unknown): void => {
    sockets.push(Reflect.get(Object(message), 'socket'));
    told();
  };
  subscribe('net.client.socket', listener);
  try {
    return [sockets, await act()];
  } finally {
    unsubscribe('net.client.socket', listener);
  }
}

describe.each(pairs)('$name', (pair) => {
  it('net.client.socket of diagnostics_channel tells of a TLSSocket, once', async () => {
    const seen = await same(pair, async (by) => {
      const [sockets, { client }] = await toldOf(() => open(by, identities));
      return sockets.map((socket) => socket === client);
    });
    expect(seen).toEqual([true]);
  });

  it('and of what others connect meanwhile as themselves', async () => {
    const seen = await same(pair, async (by) => {
      const others: net.Socket[] = [];
      const connectOther = (): void => {
        if (others.length > 0) return;
        const other = owned(new net.Socket()).on('error', () => {});
        others.push(other);
        other.connect(1, '127.0.0.1');
      };
      const [sockets, { client }] = await toldOf(() => open(by, identities), connectOther);
      return sockets.map((socket) => [socket === client, socket === others[0]]);
    });
    expect(seen).toEqual([
      [true, false],
      [false, true],
    ]);
  });
});
