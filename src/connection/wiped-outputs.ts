import { wipeTrafficKeys } from '../record/crypto-info.ts';
import type { Output } from './handshake.ts';
import { type Done, streamDestroyed } from './outgoing.ts';

/** Wipes what is secret in outputs that nobody takes. */
export function wipeOutputs(outputs: readonly Output[]): void {
  for (const output of outputs) {
    if (output.kind === 'installKeys' || output.kind === 'keys') wipeTrafficKeys(output.keys);
    else if (output.kind === 'session') output.session.fill(0);
    else if (output.kind === 'applicationData') output.bytes.fill(0);
  }
}

/** The same, and tells those whose data is in them. */
export function giveUpOutputs(outputs: readonly Output[], doneOf?: (output: Output) => Done | undefined): void {
  wipeOutputs(outputs);
  for (const output of outputs) doneOf?.(output)?.(streamDestroyed());
}
