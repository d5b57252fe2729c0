import { release } from 'node:os';

/** Major, minor and patch number of `release`, which is `uname -r`. */
export function kernelRelease(text: string = release()): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = text.split(/[.\-+_]/, 3).map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

/** A fault of the kernel's TLS for which 'auto' and 'prefer' keep a direction in user space (CVE records, git.kernel.org). */
export interface KernelFault {
  readonly reference: string;
  readonly direction: 'read' | 'write';
  readonly effect: string;
}

interface FaultHistory extends KernelFault {
  /** The first release that has the fault. */
  readonly since: string;
  /** The releases that have it no more, one a stable series (ChangeLogs of kernel.org); every later series is without it. */
  readonly fixed: readonly string[];
}

/**
 * The known faults of a kernel, by its release. Distributions that repair an old release and keep its number are counted among the
 * faulty: user space works there as well, and the mode 'require' overrides.
 */
export function kernelFaults(text: string = release()): readonly KernelFault[] {
  const kernel = kernelRelease(text);
  return faults.filter((fault) => isAffected(fault, kernel));
}

function isAffected({ since, fixed }: FaultHistory, kernel: readonly [number, number, number]): boolean {
  if (compare(kernel, kernelRelease(since)) < 0) return false;
  const releases = fixed.map((text) => kernelRelease(text));
  const series = releases.find(([major, minor]) => major === kernel[0] && minor === kernel[1]);
  if (series) return compare(kernel, series) < 0;
  const last = releases.at(-1);
  return last !== undefined && compare(kernel, last) < 0;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((part, at) => part !== b[at]);
  return differing < 0 ? 0 : (a[differing] ?? 0) - (b[differing] ?? 0);
}

/**
 * Only faults that a peer can reach in the way this library uses the kernel. Those of other ways are avoided by not going them: reads
 * stop before TCP_ULP (CVE-2025-38616), one iovec and no TLS_RX_EXPECT_NO_PAD (CVE-2026-74611).
 */
const faults: readonly FaultHistory[] = [
  {
    reference: 'CVE-2025-39946',
    direction: 'read',
    effect: 'a peer that sends broken headers in urgent data writes past the end of a buffer',
    since: '6.0',
    fixed: ['6.1.154', '6.6.108', '6.12.49', '6.16.9', '6.17'],
  },
  {
    reference: 'CVE-2025-39682',
    direction: 'read',
    effect: 'a record of no bytes before one of another type corrupts what is read',
    since: '6.0',
    fixed: ['6.1.149', '6.6.103', '6.12.44', '6.16.4', '6.17'],
  },
  {
    reference: 'CVE-2024-58239',
    direction: 'read',
    effect: 'records of different types are read as one',
    since: '4.20',
    fixed: ['6.1.80', '6.6.19', '6.7.7', '6.8'],
  },
];
