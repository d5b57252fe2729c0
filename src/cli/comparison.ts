import { createHash, randomInt } from 'node:crypto';
import type net from 'node:net';
import { type DemoServer, startDemoServer } from './demo-server.ts';
import type { TlsImplementation } from './implementations.ts';
import type { Report } from './report.ts';
import type { Identity } from './self-signed.ts';
import { closeConnection, download, openConnection, post, upload } from './transfers.ts';

/** One implementation's server and the client for it, both in this process. */
export interface Contender {
  readonly name: TlsImplementation['name'];
  readonly server: DemoServer;
  readonly connect: (port: number) => net.Socket;
}

export async function contend(
  tls: TlsImplementation,
  identity: Identity,
  options: { port?: number; onClientError?: (error: Error) => void } = {},
): Promise<Contender> {
  const server = await startDemoServer(tls, { identity, ...options });
  return { name: tls.name, server, connect: tls.createClient(identity.cert) };
}

/**
 * Median time of a full handshake in milliseconds, by contender; taken in turns, in random order. The first ones do not count: code
 * that has just been loaded is still slow.
 */
export async function compareHandshakes(contenders: readonly Contender[]): Promise<number[]> {
  const times = contenders.map((): number[] => []);
  for (let round = -unmeasured; round < handshakes; round++) {
    for (const index of shuffled(contenders.keys())) {
      const contender = contenders[index];
      if (!contender) continue;
      const { socket, milliseconds } = await openConnection(contender.connect, contender.server.port);
      if (round >= 0) times[index]?.push(milliseconds);
      await closeConnection(socket);
    }
  }
  return times.map(median);
}

/** Sends some bytes each way and holds the hash of what arrived against that of what was sent. */
export async function checkBytes({ connect, server }: Contender, length: number): Promise<void> {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  const up = await openConnection(connect, server.port);
  const answer = await post(up.socket, '/sha256', length, (part) => sent.update(part));
  const down = await openConnection(connect, server.port);
  await download(down.socket, length, (part) => received.update(part));
  const digest = sent.digest('hex');
  if (answer !== digest || received.digest('hex') !== digest) throw new Error('what arrived is not what was sent');
}

/** What was measured of one contender in one direction, over all rounds. */
export interface TransferFigures {
  readonly contender: Contender['name'];
  readonly direction: 'down' | 'up';
  readonly bytes: number;
  readonly seconds: number;
  /** Of the processor, which other programs do not disturb. */
  readonly processorSeconds: number;
}

/**
 * Moves `length` bytes each way for each contender, in rounds: what slows the machine down for a while slows down both. `onRound` is told
 * of the bytes a second of each round, in the order of the figures.
 */
export async function measureTransfers(
  report: Report,
  [first, second]: readonly [Contender, Contender],
  length: number,
  onRound: (round: number, rates: readonly number[]) => void = () => {},
): Promise<TransferFigures[]> {
  const jobs = directions.flatMap(({ direction, transfer }) =>
    [first, second].map((contender) => ({ direction, transfer, contender, last: 0, seconds: 0, processorSeconds: 0 })),
  );
  const share = Math.ceil(length / rounds);
  for (let round = 1; round <= rounds; round++) {
    for (const job of shuffled(jobs)) {
      const { direction, contender, transfer } = job;
      const { socket } = await openConnection(contender.connect, contender.server.port);
      const processor = process.cpuUsage();
      let moved = 0;
      job.last = await transfer(socket, share, (part) => {
        moved += part.length;
        report.progress(
          () => `round ${round}: ${direction} ${contender.name} ${mebibytes(moved)} of ${mebibytes(share)}`,
        );
      });
      const { user, system } = process.cpuUsage(processor);
      job.seconds += job.last;
      job.processorSeconds += (user + system) / 1e6;
    }
    onRound(
      round,
      jobs.map(({ last }) => share / last),
    );
  }
  const bytes = share * rounds;
  return jobs.map(({ direction, contender, seconds, processorSeconds }) => {
    return { contender: contender.name, direction, bytes, seconds, processorSeconds };
  });
}

/** {@link measureTransfers}, as a table of MB/s, also of the processor's seconds. */
export async function compareTransfers(
  report: Report,
  contenders: readonly [Contender, Contender],
  length: number,
): Promise<void> {
  const [first, second] = contenders;
  const row = report.table([
    { title: 'MB/s', width: 12 },
    ...directions.flatMap(({ direction }) => [
      { title: `${direction} ${first.name}`, width: 10, align: 'right' as const },
      { title: `${direction} ${second.name}`, width: 13, align: 'right' as const },
      { title: 'ratio', width: 6, align: 'right' as const },
    ]),
  ]);
  const figures = await measureTransfers(report, contenders, length, (round, rates) => {
    row(`${round} of ${rounds}`, ...speeds(rates));
  });
  const strong = (cells: string[]): string[] => cells.map((cell) => report.style('bold', cell));
  row(...strong(['all', ...speeds(figures.map(({ bytes, seconds }) => bytes / seconds))]));
  row('a CPU second', ...speeds(figures.map(({ bytes, processorSeconds }) => bytes / processorSeconds)));
}

/** Of bytes a second in the order first, second, first, second: MB/s, and the first's share of the second's. */
function speeds(rates: readonly number[]): string[] {
  const [down1 = 0, down2 = 0, up1 = 0, up2 = 0] = rates;
  const [down, up] = [down1 / down2, up1 / up2].map((ratio) => ratio.toFixed(2));
  return [megabytes(down1), megabytes(down2), `${down}`, megabytes(up1), megabytes(up2), `${up}`];
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function shuffled<T>(values: Iterable<T>): T[] {
  return [...values]
    .map((value) => ({ value, place: randomInt(2 ** 32) }))
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value);
}

const directions = [
  { direction: 'down', transfer: download },
  { direction: 'up', transfer: upload },
] as const;

const unmeasured = 30;
const handshakes = 21;
const rounds = 4;
