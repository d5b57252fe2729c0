import { readdirSync } from 'node:fs';
import type net from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';

/** What a process holds that must not grow with what it has done. */
export interface Levels {
  readonly descriptors: number;
  /** MB, and below. */
  readonly resident: number;
  readonly objects: number;
  readonly buffers: number;
  /** The memory of the WebAssembly module. */
  readonly wasm: number;
  /** Blocks that OpenSSL has allocated in it. */
  readonly blocks: number;
  /** On what stays: the process and the servers. */
  readonly listeners: number;
  readonly timers: number;
}

/** Collects garbage first: `node --expose-gc`. */
export async function levelsNow(servers: readonly net.Server[]): Promise<Levels> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    // What is collected is told in a later turn, and releases more.
    await setImmediate();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const module = engineModule();
  const staying = [process, ...servers];
  return {
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    resident: megabytes(rss),
    objects: megabytes(heapUsed),
    buffers: megabytes(external),
    wasm: megabytes(module.heap.size),
    blocks: module.liveAllocations,
    listeners: staying.reduce(
      (sum, emitter) => sum + emitter.eventNames().reduce((count, name) => count + emitter.listenerCount(name), 0),
      0,
    ),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

/** What has grown beyond what may; `before` is from after the warm-up. */
export function growth(before: Levels, after: Levels): string[] {
  return names
    .filter((name) => after[name] > before[name] + mayGrow[name])
    .map((name) => `${name}: from ${before[name]} to ${after[name]}, more than ${mayGrow[name]}`);
}

export function show(levels: Levels): string {
  return names.map((name) => `${name} ${levels[name]}`).join(', ');
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 100_000) / 10;
}

/** However long it goes on. */
const mayGrow: Levels = {
  descriptors: 2,
  // V8's heaps and compiled code find their size only after some ten thousand connections; what is exact is below.
  resident: 128,
  objects: 8,
  buffers: 16,
  wasm: 2,
  // OpenSSL keeps the methods that it has looked up, and throws half of them away now and then.
  blocks: 1500,
  listeners: 0,
  timers: 2,
};
const names: readonly (keyof Levels)[] = [
  ...(['descriptors', 'resident', 'objects', 'buffers'] as const),
  ...(['wasm', 'blocks', 'listeners', 'timers'] as const),
];
