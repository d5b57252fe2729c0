import os from 'node:os';
import { loadAddon } from '../platform/addon/addon.ts';
import { type KernelSupport, kernelSupport } from '../platform/kernel/kernel-support.ts';
import type { Report } from './report.ts';
import { versions } from './versions.ts';

/** Prints what runs here, and what this machine's kernel can do for a TLS connection. */
export function reportMachine(report: Report): void {
  const { ktls, openssl, node } = versions();
  report.line(report.style('bold', `ktls ${ktls}`));
  report.fact('handshake', `OpenSSL ${openssl} in WebAssembly`);
  report.fact('records', ...recordLayers());
  report.fact('runs on', `Node.js ${node}, ${os.type()} ${os.release()}, ${os.arch()}, ${processors()}`);
  reportKernel(report, kernelSupport());
}

function reportKernel(report: Report, support: KernelSupport): void {
  report.heading('What this kernel does', support.kernel);
  if (support.refused !== undefined) {
    report.fact('no TLS', support.refused);
    return;
  }
  const row = report.table([
    { title: 'version', width: 8 },
    { title: 'cipher', width: 18 },
    { title: 'seals', width: 5 },
    { title: 'opens', width: 5 },
    { title: 'changes keys', width: 12 },
  ]);
  const said = (can: boolean): string => (can ? report.style('green', 'yes') : report.style('yellow', 'no'));
  for (const { version, aead, write, read, rekey } of support.ciphers) {
    const changes = version === 'TLSv1.3' ? said(rekey) : 'never asked';
    row(version, aead, said(!write), said(!read), changes);
  }
  report.fact('sendfile', support.sendfile ? support.sendfile.refused : said(true));
  const remarks = remarksOn(support);
  if (remarks.length > 0) report.fact('but', ...remarks);
}

function remarksOn({ ciphers, faults }: KernelSupport): string[] {
  const refusals = ciphers.flatMap(({ version, aead, write, read }) =>
    [write, read].flatMap((refused) => (refused ? [`${version} ${aead}: ${refused.refused}`] : [])),
  );
  const cannotRekey = ciphers.some(({ version, rekey, write }) => version === 'TLSv1.3' && !write && !rekey);
  return [
    ...new Set(refusals),
    ...(cannotRekey
      ? ['without changes of keys, TLS 1.3 goes to the kernel only with ktls: { withoutRekey: true }']
      : []),
    ...faults.map(
      ({ reference, direction, effect }) =>
        `'auto' and 'prefer' do not ${direction} through it: ${effect} (${reference})`,
    ),
    ...(isUserMode() ? ['its AES is plain C: what is measured on it says nothing of kernels on real machines'] : []),
  ];
}

/** User-mode Linux, which guests run, uses no instructions for AES, whatever the processor has. */
function isUserMode(): boolean {
  return os.cpus()[0]?.model.trim() === 'UML';
}

/** Who seals and opens records that the kernel does not, and why it is not the addon. */
export function recordProtection(): { readonly by: 'addon' | 'node:crypto'; readonly reason: string | null } {
  const loaded = loadAddon();
  if ('refused' in loaded) return { by: 'node:crypto', reason: loaded.refused };
  if (loaded.addon.cryptography) return { by: 'addon', reason: null };
  return { by: 'node:crypto', reason: 'the addon has no ciphers on this system' };
}

function recordLayers(): string[] {
  const { by, reason } = recordProtection();
  return by === 'addon' ? ['native: the addon, many at once'] : ['native: node:crypto, one by one', `  ${reason}`];
}

function processors(): string {
  const [first] = os.cpus();
  const count = os.availableParallelism();
  return `${count} × ${first?.model.trim() ?? 'processor'}`;
}
