import type { Version } from './battery.ts';
import type { Known, KnownStack } from './known.ts';

/** The rows of docs/peers.md: one for each stack, version and role. */
export function rowsOf(stacks: readonly KnownStack[]): string[] {
  return stacks.flatMap((stack) =>
    stack.versions.flatMap((version) => [
      ...row(stack, version, 'server', stack.server[version]),
      ...row(stack, version, 'client', stack.client[version]),
    ]),
  );
}

function row(
  { name, version: stackVersion, padding }: KnownStack,
  version: Version,
  role: string,
  seen: Known | undefined,
): string[] {
  if (!seen) return [];
  const cells = [
    `${name} ${stackVersion.replace(/^go/, '').replace(/\.$/, '')}`,
    role,
    version.slice('TLSv'.length),
    seen.group ?? '',
    yesOrNo(seen.resumes),
    seen.keyUpdates ?? '-',
    yesOrNo(seen.sendsBehindClose),
    seen.closeNotify === 'either' ? 'not always' : yesOrNo(seen.closeNotify),
    version === 'TLSv1.3' && padding > 0 ? `${padding} bytes` : 'none',
  ];
  return [`| ${cells.join(' | ')} |`];
}

function yesOrNo(is: boolean): string {
  return is ? 'yes' : 'no';
}
