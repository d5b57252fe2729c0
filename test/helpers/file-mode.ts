import { statSync } from 'node:fs';
import { expect } from 'vitest';

/** Expects a file to be for whom `mode` says, but not on Windows, where Node.js neither sets nor tells that. */
export function expectMode(path: string, mode: number): void {
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(mode);
}
