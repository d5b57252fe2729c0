/**
 * The segments of the path that a request's target names, decoded; an empty one at the end for a path that ends in a slash. Undefined: it
 * names nothing that could be a file: it leaves its folder, has a separator or NUL in a name, or is not in the form of a path.
 */
export function pathSegments(target: string): readonly string[] | undefined {
  // RFC 9112 §3.2.2: a server must take the absolute form, too.
  const [path = ''] = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1);
  if (path !== '' && !path.startsWith('/')) return undefined;
  const segments = path.split('/').slice(1);
  const decoded = segments.map(decode).filter((segment) => segment !== undefined);
  const names = decoded.at(-1) === '' ? decoded.slice(0, -1) : decoded;
  return decoded.length === segments.length && names.every(isName) ? decoded : undefined;
}

/** The path of these segments, as a link in a page or in a header. */
export function encodePath(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Backslashes and colons mean something on Windows. */
function isName(segment: string): boolean {
  return segment !== '' && !/^\.\.?$/.test(segment) && !/[/\\\0:]/.test(segment);
}
