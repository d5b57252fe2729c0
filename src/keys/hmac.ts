import { createHmac } from 'node:crypto';
import type { Hmac } from '../key-schedule/hmac.ts';

/** HMAC by node:crypto. */
export const hmac: Hmac = (hash, key, data) => {
  const mac = createHmac(hash, key);
  for (const part of data) mac.update(part);
  return mac.digest();
};
