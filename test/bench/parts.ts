import { accepting } from './accepting.ts';
import { cold } from './cold.ts';
import { crowd } from './crowd.ts';
import { firstByte } from './first-byte.ts';
import { floods } from './floods.ts';
import { handshakes } from './handshakes.ts';
import { heap } from './heap.ts';
import type { Effort, Listener, Row } from './measure.ts';
import { records } from './records.ts';
import { requests } from './requests.ts';
import { storm } from './storm.ts';
import { bulk, pingPong, protection } from './streams.ts';

/** A part of the benchmarks, which runs in a process of its own. */
export interface Part {
  readonly title: string;
  readonly run: (listener: Listener, effort: Effort) => Promise<void>;
  /** Of Node.js. */
  readonly flags?: readonly string[];
  /** Takes minutes, and is done only if it is asked for. */
  readonly long?: boolean;
}

export const parts: Readonly<Record<string, Part>> = {
  bulk: { title: 'bulk data, 256 KB writes', run: bulk },
  'ping-pong': { title: 'one message at a time, both ends in one thread', run: pingPong },
  requests: { title: 'https, keep-alive, 50 connections, both ends in one thread', run: requests },
  portable: { title: 'the same without the addon: node:crypto seals and opens', run: portable, flags: ['--no-addons'] },
  records: { title: 'records, sealed by all that Node.js has for it', run: records, long: true },
  protection: { title: 'bulk data, by who seals and opens records', run: protection, long: true },
  handshakes: { title: 'handshakes, both ends in one thread', run: handshakes },
  accepting: { title: 'what a connection costs its server', run: accepting },
  applications: { title: 'applications as they are, under ktls/register', run: runApplications },
  'first-byte': { title: 'latency of large responses', run: firstByte },
  floods: { title: 'a megabyte from a peer that wants to cost as much as it can', run: floods },
  crowd: { title: 'thousands of connections', run: crowd },
  cold: { title: 'from nothing', run: cold },
  storm: { title: 'handshakes that arrive while others are served', run: storm, long: true },
  heap: { title: "OpenSSL's memory over 100,000 connections", run: heap, long: true },
};

/** Loaded only for this: its servers are programs of Unix systems. */
async function runApplications(listener: Listener, effort: Effort): Promise<void> {
  const { applications } = await import('./applications/main.ts');
  await applications(listener, effort);
}

/** Under a name of its own, since `native` is another layer there, with another goal. */
async function portable(listener: Listener, effort: Effort): Promise<void> {
  const renamed = (row: Row): Row => ({
    ...row,
    subjects: row.subjects.map(({ goal, ...subject }) =>
      subject.contender === 'native'
        ? { ...subject, contender: 'node:crypto', ...(row.name.startsWith('bulk') && { goal: { ratio: 0.9 } }) }
        : subject,
    ),
  });
  const own: Listener = { ...listener, row: (row) => listener.row(renamed(row)) };
  await bulk(own, effort);
  await pingPong(own, effort);
  await requests(own, effort);
}
