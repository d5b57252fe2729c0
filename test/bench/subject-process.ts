// The process of one contender. Arguments: the work, the contender, options as JSON.
import { issue } from '../helpers/certificates.ts';
import { type Contender, connectedPair, contenders } from './contenders.ts';
import { receiveFirstByte } from './first-byte.ts';
import { takeFlood } from './floods.ts';
import { makeHandshakes } from './handshakes.ts';
import { timed } from './measure.ts';
import { getAll } from './requests.ts';
import { echo, transfer, transferInMemory, transferWithPeer } from './streams.ts';
import type { Work } from './subjects.ts';

/** Each gets a contender ready. */
const works: Readonly<Record<string, (contender: Contender, options: never) => Promise<Work>>> = {
  echo,
  getAll,
  makeHandshakes,
  receiveFirstByte,
  takeFlood,
  transfer,
  transferInMemory,
  transferWithPeer,
};

const [, , name = '', contenderName = '', options = ''] = process.argv;
const prepare = works[name];
const contender = Object.values(contenders).find((one) => one.name === contenderName);
if (!prepare || !contender) throw new TypeError(`there is no ${name} of ${contenderName}`);
// One connection stays open, as in any server: without any, V8 would drop what it has compiled for them.
await connectedPair({ client: contender, server: contender }, await issue(undefined), { version: 'TLSv1.3' });
const work: Work = await Reflect.apply(prepare, undefined, [contender, JSON.parse(options)]);
process.on('message', async () => process.send?.(await timed(() => work.run())));
process.on('disconnect', () => process.exit());
process.send?.('ready');
