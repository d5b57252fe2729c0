import { once } from 'node:events';
import * as ktls from '../../src/index.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { type Cell, only } from './cells.ts';
import { identity } from './identity.ts';
import { ourClient, ourServer, type PairOptions, tcpPair, track } from './pair.ts';

/** We accept a peer whose records are made by hand. */
export async function rawClient(options: PairOptions): Promise<{ server: ktls.TLSSocket; peer: RawPeer }> {
  const [accepted, connected] = await tcpPair();
  const server = new ktls.TLSSocket(accepted, ourServer(options));
  track({ server, client: connected });
  const peer = new RawPeer(connected, { isServer: false, secureContext: rawContext(options.cell) });
  await Promise.all([once(server, 'secure'), peer.secure]);
  return { server, peer };
}

/** We connect to a server whose records are made by hand. */
export async function rawServer(options: PairOptions): Promise<{ client: ktls.TLSSocket; peer: RawPeer }> {
  const [accepted, connected] = await tcpPair();
  const peer = new RawPeer(accepted, { isServer: true, secureContext: rawContext(options.cell) });
  const client = ktls.connect(ourClient(options, connected));
  track({ server: accepted, client });
  await Promise.all([once(client, 'secureConnect'), peer.secure]);
  return { client, peer };
}

export function rawContext(cell: Cell): ktls.SecureContext {
  return ktls.createSecureContext({ ...identity, ca: identity.cert, ...only(cell) });
}
