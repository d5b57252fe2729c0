import { once } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import tls from '../../src/index.ts';
import { issue } from '../helpers/certificates.ts';
import { listenUntilEnd, owned } from './scenario.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([true, false])('enableTrace: %s decides whether stderr tells what is negotiated', async (enableTrace) => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const server = tls.createServer({ ...(await issue(undefined)), enableTrace }, (socket) => owned(socket).end());
  const port = await listenUntilEnd(server);
  const socket = owned(tls.connect({ port, rejectUnauthorized: false, enableTrace }));
  socket.resume();
  await once(socket, 'close');
  const told = stderr.mock.calls.map(([text]) => String(text)).join('');
  for (const message of ['ClientHello', 'ServerHello', 'Finished', 'NewSessionTicket']) {
    expect(told.includes(message)).toBe(enableTrace);
  }
});

it('enableTrace() starts in the middle', async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const server = tls.createServer(await issue(undefined), (socket) => owned(socket).end());
  const port = await listenUntilEnd(server);
  const socket = owned(tls.connect({ port, rejectUnauthorized: false }, () => socket.enableTrace()));
  socket.resume();
  await once(socket, 'close');
  const told = stderr.mock.calls.map(([text]) => String(text)).join('');
  expect(told).toContain('NewSessionTicket');
  expect(told).not.toContain('ClientHello');
});
