import type { KernelRefusal, Refused } from '../connection/record-layer.ts';
import { codedError } from '../errors/coded.ts';
import { type KernelFault, kernelFaults } from '../platform/kernel/kernel-faults.ts';
import { type CipherSupport, cipherSupport, kernelTls } from '../platform/kernel/kernel-support.ts';
import type { KernelPolicy } from '../platform/kernel/kernel-tls.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../protocol/version.ts';
import type { AeadName } from '../record/traffic-keys.ts';

/** Whether the kernel protects a direction: where it pays, wherever it can, never, or else the connection fails. */
export type KtlsMode = 'auto' | 'prefer' | 'off' | 'require';

/** The option `ktls`. */
export type KtlsOption =
  | KtlsMode
  | {
      readonly write?: KtlsMode;
      readonly read?: KtlsMode;
      /**
       * Takes TLS 1.3 to kernels that cannot change keys (before Linux 6.14), too. A KeyUpdate then ends the connection with
       * ERR_KTLS_REKEY_UNSUPPORTED.
       */
      readonly withoutRekey?: boolean;
      /**
       * Records after which the keys of a direction are changed, on every record layer; TLS 1.2, which cannot, ends the connection with
       * ERR_KTLS_KEYS_USED_UP. Default: what is safe for the cipher (RFC 8446 §5.5).
       */
      readonly keyUsageLimit?: number;
    };

/** The option, read: what is allowed and what the kernel should be tried for. */
export interface KtlsPolicy {
  readonly modes: { readonly read: KtlsMode; readonly write: KtlsMode };
  readonly keyUsageLimit: number | undefined;
  /** Why no direction of any connection would be given to the kernel. */
  readonly refused: Refused | undefined;
  /**
   * Tries what the kernel can do, where connections are to be given to it from their beginning. To be called before there are any: a trial blocks, for
   * some milliseconds, or longer where a kernel does not do what it should, and would otherwise be in the middle of somebody's handshake.
   */
  readonly prepare: () => void;
  readonly kernel: KernelPolicy;
}

/** Throws ERR_INVALID_ARG_VALUE for anything that {@link KtlsOption} does not allow. */
export function ktlsPolicy(option: KtlsOption | undefined, machine: Machine = thisMachine): KtlsPolicy {
  const { read, write, withoutRekey, keyUsageLimit } = normalize(option);
  const switchedOff = machine.environment === 'off';
  const meant = (mode: KtlsMode): KtlsMode => (mode === 'auto' ? (machine.environment ?? mode) : mode);
  const modes = { read: meant(read), write: meant(write) };
  const isMeant = !switchedOff && [modes.read, modes.write].some((mode) => mode === 'prefer' || mode === 'require');
  const isOff = (direction: 'read' | 'write'): boolean => switchedOff || modes[direction] === 'off';
  const off = switchedOff ? offByEnvironment : offByOption;
  let isPrepared = false;
  return {
    modes,
    keyUsageLimit,
    get refused() {
      if (isOff('read') && isOff('write')) return off;
      const found = machine.kernelTls();
      return 'refused' in found ? found : undefined;
    },
    prepare() {
      if (isPrepared) return;
      isPrepared = true;
      if (!isMeant || this.refused) return;
      for (const version of Object.values(ProtocolVersion))
        for (const aead of aeads) machine.cipherSupport(version, aead);
    },
    kernel: {
      mayRead: !isOff('read') && modes.read !== 'auto',
      isMeant,
      refuses(direction, { version, aead }, fileBytes) {
        if (isOff(direction)) return off;
        const unpaid = modes[direction] === 'auto' ? notWorthIt(direction, aead, fileBytes) : undefined;
        // First, so that the kernel is not tried out, which costs more than a connection, for what it is not to carry.
        if (unpaid) return unpaid;
        const support = machine.cipherSupport(version, aead);
        const refused = support[direction];
        if (refused) return refused;
        if (version === ProtocolVersion.tls13 && !support.rekey && !withoutRekey) return cannotRekey;
        return modes[direction] === 'require' ? undefined : avoided(direction, machine);
      },
      rekeys: ({ version, aead }) => machine.cipherSupport(version, aead).rekey,
    },
  };
}

const aeads: readonly AeadName[] = ['aes-256-gcm', 'aes-128-gcm', 'chacha20-poly1305'];

/** The options with the policy that was made for them before. */
export function underPolicy<Options extends object>(options: Options, policy: KtlsPolicy | undefined): Options {
  if (policy) made.set(options, policy);
  return options;
}

/** The policy that the options stand {@link underPolicy under}, or else one as they say. */
export function policyOf(options: { readonly ktls?: KtlsOption | undefined }): KtlsPolicy {
  return made.get(options) ?? ktlsPolicy(options.ktls);
}

const made = new WeakMap<object, KtlsPolicy>();

/**
 * What the variable KTLS says. It is the switch for emergencies: throws ERR_INVALID_ARG_VALUE for a word that is none, rather than leave
 * it out.
 */
export function environmentMode(text: string | undefined): 'off' | 'prefer' | undefined {
  const word = (text ?? '').trim().toLowerCase();
  if (word === '') return undefined;
  if (word === 'off' || word === 'prefer') return word;
  const shown = JSON.stringify(word.slice(0, longestShown));
  throw codedError(
    'ERR_INVALID_ARG_VALUE',
    `The environment variable KTLS must be off, prefer or empty. Received ${shown}`,
  );
}

const longestShown = 16;

/** What the policy asks of the machine; another in tests. */
export interface Machine {
  readonly environment: 'off' | 'prefer' | undefined;
  kernelTls(): object | Refused;
  cipherSupport(version: ProtocolVersionNumber, aead: AeadName): Pick<CipherSupport, 'read' | 'write' | 'rekey'>;
  kernelFaults(): readonly KernelFault[];
}

const thisMachine: Machine = {
  environment: environmentMode(process.env.KTLS),
  kernelTls,
  cipherSupport,
  kernelFaults: () => kernelFaults(),
};

/** Why 'auto' does not give the kernel what it could carry: docs/benchmarks.md has the figures. */
function notWorthIt(direction: 'read' | 'write', aead: AeadName, fileBytes: number): KernelRefusal | undefined {
  if (direction === 'read') return readsDoNotPay;
  if (aead === 'chacha20-poly1305') return cipherDoesNotPay;
  return fileBytes < worthwhileFiles ? filesFirst : undefined;
}

function avoided(direction: 'read' | 'write', machine: Machine): Refused | undefined {
  const fault = machine.kernelFaults().find((fault) => fault.direction === direction);
  return (
    fault && { refused: `this kernel has a fault, ${fault.reference}: ${fault.effect}; ktls: 'require' overrides` }
  );
}

interface Normalized {
  readonly read: KtlsMode;
  readonly write: KtlsMode;
  readonly withoutRekey: boolean;
  readonly keyUsageLimit: number | undefined;
}

function normalize(option: KtlsOption | undefined): Normalized {
  if (option === undefined || typeof option === 'string') {
    const mode = checked(option ?? 'auto');
    return { read: mode, write: mode, withoutRekey: false, keyUsageLimit: undefined };
  }
  if (option === null || typeof option !== 'object') throw invalid(option);
  const { read = 'auto', write = 'auto', withoutRekey = false, keyUsageLimit, ...others } = option;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalidMember(unknown, 'is no member of it');
  if (typeof withoutRekey !== 'boolean') throw invalidMember('withoutRekey', 'must be true or false');
  if (keyUsageLimit !== undefined && !(Number.isSafeInteger(keyUsageLimit) && keyUsageLimit > 0))
    throw invalidMember('keyUsageLimit', `must be a whole number from 1 on. Received ${String(keyUsageLimit)}`);
  return { read: checked(read), write: checked(write), withoutRekey, keyUsageLimit };
}

function checked(mode: KtlsMode): KtlsMode {
  if (!['auto', 'prefer', 'off', 'require'].includes(mode)) throw invalid(mode);
  return mode;
}

function invalid(value: unknown): Error {
  const said = typeof value === 'string' ? `'${value}'` : typeof value;
  return codedError(
    'ERR_INVALID_ARG_VALUE',
    `The option ktls must be 'auto', 'prefer', 'off', 'require' or { write, read, withoutRekey, keyUsageLimit }. Received ${said}`,
  );
}

function invalidMember(name: string, fault: string): Error {
  return codedError(
    'ERR_INVALID_ARG_VALUE',
    `The option ktls may be { write, read, withoutRekey, keyUsageLimit }: '${name.slice(0, longestShown)}' ${fault}`,
  );
}

/**
 * Bytes of files that make a connection's writes worth the kernel: taking a direction over costs some 40,000 instructions, and every byte of a
 * file then takes half of one to one and a half fewer.
 */
const worthwhileFiles = 64 * 1024;

const readsDoNotPay = {
  refused: "receiving through the kernel takes no less work than here; ktls: 'prefer' overrides",
};
const cipherDoesNotPay = {
  refused: "sending ChaCha20-Poly1305 through the kernel takes no less work than here; ktls: 'prefer' overrides",
};
const filesFirst = {
  refused: `sending through the kernel saves work with files only, from ${worthwhileFiles / 1024} KiB on; ktls: 'prefer' overrides`,
  untilFiles: true,
};

const offByEnvironment = { refused: 'switched off by the environment, KTLS=off' };
const offByOption = { refused: "switched off by the option ktls: 'off'" };

const cannotRekey = {
  refused: 'this kernel cannot change the keys of a TLS 1.3 connection (Linux 6.14 and later can); see withoutRekey',
};
