import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { KernelCalls } from '../kernel/kernel-calls.ts';
import { packageFile } from '../package-file.ts';
import type { AddonCryptography } from './addon-cryptography.ts';
import { runsOnGlibc } from './c-library.ts';

/**
 * The native addon: system calls and batched cryptography, no policy. Built from native/. Each part is there as a whole, or not at all.
 *
 * While a worker is being terminated, methods of its objects may do nothing and return undefined, against their types.
 */
export interface Addon {
  /** Where the process has an OpenSSL 3 to call. */
  readonly cryptography?: AddonCryptography;
  /** On Linux. */
  readonly kernel?: KernelCalls;
}

export type LoadedAddon = { readonly addon: Addon } | { readonly refused: string };

/**
 * The addon, or why there is none: no build for this platform, `--no-addons`, the permission model, another runtime.
 * Loaded on first use, once.
 */
export function loadAddon(): LoadedAddon {
  loaded ??= load();
  return loaded;
}

let loaded: LoadedAddon | undefined;

function load(): LoadedAddon {
  const platform = `${process.platform}-${process.arch}`;
  const why = notMadeFor();
  if (why !== undefined) return { refused: `no native addon on ${platform}: ${why}` };
  try {
    const path = packageFile(`prebuilds/${platform}/ktls.node`);
    return { addon: createRequire(import.meta.url)(fileURLToPath(path)) as Addon };
  } catch (error) {
    return { refused: `no native addon on ${platform}: ${firstLine(error)}` };
  }
}

/** What a build would load into and not work with: it calls Node's libuv and, on Linux, glibc. */
function notMadeFor(): string | undefined {
  const { bun, deno } = process.versions;
  if (bun !== undefined || deno !== undefined) return 'it is made for Node.js, not for other runtimes';
  if (process.platform === 'linux' && !runsOnGlibc()) return 'it is made for glibc, not for musl';
  return undefined;
}

/** Node's message for a missing module goes on with the stack of requires. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
