import type { KtlsOption } from '../../src/socket/ktls-policy.ts';
import { kernelOnly } from './cells.ts';

/** The record layers that must behave alike, as the option `ktls`. */
export const layers: readonly { readonly layer: 'kernel' | 'native'; readonly ktls: KtlsOption }[] = [
  { layer: 'kernel', ktls: kernelOnly },
  { layer: 'native', ktls: 'off' },
];

/** Both ends of a pair on the layer. */
export function on(ktls: KtlsOption): { serverOptions: { ktls: KtlsOption }; clientOptions: { ktls: KtlsOption } } {
  return { serverOptions: { ktls }, clientOptions: { ktls } };
}
