import net from 'node:net';
import nodeTls from 'node:tls';
import { expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';

/** What README documents beside node:tls's. */
const documented = [
  ...['recordLayer', 'ktlsSend', 'ktlsRecv', 'keyEpochs', 'updateKeys', 'exportKeys', 'sendFile', 'getGroup'],
  ...['verifyError', 'closeNotifyReceived', 'ech'],
];

/** All names that a socket has, its own and inherited. */
function namesOf(socket: object): Set<string> {
  const names = new Set<string>();
  for (let object: object | null = socket; object; object = Object.getPrototypeOf(object)) {
    for (const name of Reflect.ownKeys(object)) if (typeof name === 'string') names.add(name);
  }
  return names;
}

it('a socket has no names that applications look for, or give it: undici takes one with a session for HTTP/2', () => {
  const [ours, nodes] = [ktls, nodeTls].map(({ TLSSocket }) => Reflect.construct(TLSSocket, [new net.Socket()]));
  const known = namesOf(nodes);
  const added = [...namesOf(ours)].filter((name) => !known.has(name) && name !== '_ktlsStream');
  expect(added.toSorted()).toEqual(documented.toSorted());
  ours.destroy();
});
