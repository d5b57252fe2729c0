import { closeSync, openSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Refused } from '../../connection/record-layer.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../protocol/version.ts';
import type { AeadName, TrafficKeys } from '../../record/traffic-keys.ts';
import { loadAddon } from '../addon/addon.ts';
import { errorName } from '../system-error.ts';
import type { KernelCalls } from './kernel-calls.ts';
import { type KernelFault, kernelFaults } from './kernel-faults.ts';
import { attachUlp, installKeys } from './kernel-tls.ts';
import { exchange, type LoopbackPair, rekey, withLoopback } from './kernel-trial.ts';

/** What the kernel does for one version and cipher. */
export interface CipherSupport {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly aead: AeadName;
  /** Why not, by direction; undefined: it works. */
  readonly write: Refused | undefined;
  readonly read: Refused | undefined;
  /** Whether keys can be changed, as KeyUpdate in TLS 1.3 wants it (Linux 6.14 and later). */
  readonly rekey: boolean;
}

/** What this process can do with kernel TLS. */
export interface KernelSupport {
  /** `uname -r`. */
  readonly kernel: string;
  /** Why there is no kernel TLS at all; undefined: there is. */
  readonly refused: string | undefined;
  /** Where the kernel has its TLS: a loaded module, part of the kernel itself, nowhere, or somewhere that cannot be seen from here. */
  readonly module: 'loaded' | 'built in' | 'absent' | 'unknown';
  /** Why sendfile(2) does not work on such a socket; undefined: it does. */
  readonly sendfile: Refused | undefined;
  /** Faults for which 'auto' and 'prefer' leave a direction in user space. */
  readonly faults: readonly KernelFault[];
  readonly ciphers: readonly CipherSupport[];
}

/** Tries all that the kernel could do, each thing once in a thread. Never throws. */
export function kernelSupport(): KernelSupport {
  known ??= tryAll();
  return known;
}

/** Tries one version and cipher, for real: keys are installed, a record goes through, keys are changed. Once in a thread; never throws. */
export function cipherSupport(version: ProtocolVersionNumber, aead: AeadName): CipherSupport {
  const name = `${version} ${aead}`;
  const support = triedCiphers.get(name) ?? tryCipher(version, aead);
  triedCiphers.set(name, support);
  return support;
}

/** Why no socket can be put under the kernel's TLS, or the calls that do it. Tried once in a thread; never throws. */
export function kernelTls(): { readonly calls: KernelCalls } | Refused {
  attached ??= tryAttach();
  return attached;
}

let known: KernelSupport | undefined;
let attached: { readonly calls: KernelCalls } | Refused | undefined;
const triedCiphers = new Map<string, CipherSupport>();

function tryAll(): KernelSupport {
  const found = kernelTls();
  const kernel = release();
  const module = moduleState();
  if ('refused' in found) return { kernel, refused: found.refused, module, sendfile: found, faults: [], ciphers: [] };
  const ciphers = combinations.map(({ version, aead }) => cipherSupport(version, aead));
  return {
    kernel,
    refused: undefined,
    module,
    sendfile: trySendFile(found.calls),
    faults: kernelFaults(kernel),
    ciphers,
  };
}

function tryAttach(): { readonly calls: KernelCalls } | Refused {
  const loaded = loadAddon();
  if ('refused' in loaded) return loaded;
  const { kernel: calls } = loaded.addon;
  if (!calls) return { refused: 'kernel TLS is Linux only' };
  return guarded(() => withLoopback(calls, ([descriptor]) => attachUlp(calls, descriptor))) ?? { calls };
}

function tryCipher(version: ProtocolVersionNumber, aead: AeadName): CipherSupport {
  const name = version === ProtocolVersion.tls13 ? 'TLSv1.3' : 'TLSv1.2';
  const found = kernelTls();
  if ('refused' in found) return { version: name, aead, write: found, read: found, rekey: false };
  const { calls } = found;
  const keys = trialKeys(version, aead);
  const support: { write: Refused | undefined; read: Refused | undefined; rekey: boolean } = {
    write: undefined,
    read: undefined,
    rekey: false,
  };
  const broken = guarded(() =>
    withLoopback(calls, (pair) => {
      support.write = attachUlp(calls, pair[0]) ?? installKeys(calls, pair[0], 'write', keys);
      support.read = attachUlp(calls, pair[1]) ?? installKeys(calls, pair[1], 'read', keys);
      if (support.write || support.read) return undefined;
      const failed = exchange(calls, pair);
      support.rekey = !failed && version === ProtocolVersion.tls13 && !rekey(calls, pair, keys);
      return failed;
    }),
  );
  return { version: name, aead, ...support, ...(broken && { write: broken, read: broken, rekey: false }) };
}

/** Sends a few bytes of this very file. */
function trySendFile(calls: KernelCalls): Refused | undefined {
  const usable = combinations.find(({ version, aead }) => !cipherSupport(version, aead).write);
  if (!usable) return { refused: 'no cipher works' };
  return guarded(() => {
    const file = openSync(fileURLToPath(import.meta.url), 'r');
    try {
      return withLoopback(calls, ([sender]: LoopbackPair) => {
        const refused =
          attachUlp(calls, sender) ?? installKeys(calls, sender, 'write', trialKeys(usable.version, usable.aead));
        if (refused) return refused;
        const sent = calls.sendFile(sender, file, 0, sendFileLength);
        return sent === sendFileLength ? undefined : { refused: `sendfile(2) failed (${errorName(sent)})` };
      });
    } finally {
      closeSync(file);
    }
  });
}

/** What goes wrong around a trial (no loopback, no descriptors left, no permission) is a refusal as well. */
function guarded(trial: () => Refused | undefined): Refused | undefined {
  try {
    return trial();
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

/** As /proc tells it; a container may not be shown. */
function moduleState(): KernelSupport['module'] {
  try {
    if (/^tls /m.test(readFileSync('/proc/modules', 'utf8'))) return 'loaded';
    return /\btls\b/.test(readFileSync('/proc/sys/net/ipv4/tcp_available_ulp', 'utf8')) ? 'built in' : 'absent';
  } catch {
    return 'unknown';
  }
}

function trialKeys(version: ProtocolVersionNumber, aead: AeadName): TrafficKeys {
  const key = new Uint8Array(aead === 'aes-128-gcm' ? 16 : 32);
  return { version, aead, key, iv: new Uint8Array(12), sequenceNumber: 0n };
}

const combinations: readonly Pick<TrafficKeys, 'version' | 'aead'>[] = Object.values(ProtocolVersion).flatMap(
  (version) => (['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const).map((aead) => ({ version, aead })),
);

/** Less than the file has. */
const sendFileLength = 64;
