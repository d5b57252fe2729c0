import { versions as library } from '../platform/versions.ts';

/** What runs here. */
export function versions(): { readonly ktls: string; readonly openssl: string; readonly node: string } {
  return { ...library, node: process.versions.node };
}
