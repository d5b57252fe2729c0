import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { tls12, tls13 } from './cells.ts';
import { closePairs, ourClient, ourServer, tcpPair, track } from './pair.ts';
import { rawContext } from './raw-pair.ts';
import { hashOf, makePayload, sha256 } from './traffic.ts';

afterEach(closePairs);

/** A request of a few records. */
const payload = makePayload(40_000);
const connections = 100;

// In the field 6 of 40 connections carry a request in the same segment as Finished; reading ahead loses it to the kernel.
describe('data in the same segment as Finished', () => {
  test(`${connections} connections accepted, TLS 1.3`, async () => {
    for (let i = 0; i < connections; i++) {
      const [accepted, connected] = await tcpPair();
      const server = new ktls.TLSSocket(accepted, ourServer({ cell: tls13 }));
      track({ server, client: connected });
      const peer = new RawPeer(connected, { isServer: false, secureContext: rawContext(tls13) });
      peer.hold();
      await peer.secure;
      sendPayload(peer);
      peer.release();
      expect(await hashOf(server, payload.length)).toBe(sha256(payload));
      expect(server.recordLayer).toMatchObject({ read: 'kernel', write: 'kernel' });
      await closePairs();
    }
  });

  test(`${connections} connections made, TLS 1.2`, async () => {
    for (let i = 0; i < connections; i++) {
      const [accepted, connected] = await tcpPair();
      const peer = new RawPeer(accepted, { isServer: true, secureContext: rawContext(tls12) });
      const client = ktls.connect(ourClient({ cell: tls12 }, connected));
      track({ server: accepted, client });
      // The last flight is the server's: ChangeCipherSpec and Finished.
      await once(accepted, 'data');
      peer.hold();
      await peer.secure;
      sendPayload(peer);
      peer.release();
      expect(await hashOf(client, payload.length)).toBe(sha256(payload));
      expect(client.recordLayer).toMatchObject({ read: 'kernel', write: 'kernel' });
      await closePairs();
    }
  });
});

function sendPayload(peer: RawPeer): void {
  for (let at = 0; at < payload.length; at += 15_000) peer.send(23, payload.subarray(at, at + 15_000));
}
