import { existsSync } from 'node:fs';

/**
 * A file that the package brings along, by its path there. A bundler leaves these files out: where this module is part of a bundle, they are
 * looked for beside it, under the same path; then in the folders above.
 */
export function packageFile(path: string): URL {
  const places = ['./', '../', '../../'].map((folder) => new URL(`${folder}${path}`, import.meta.url));
  const found = places.find((place) => existsSync(place));
  return found ?? new URL(`../../${path}`, import.meta.url);
}
