import type { IncomingHttpHeaders } from 'node:http';

/** What tells one version of a file from another. */
export interface Validators {
  /** With its quotes; strong. */
  readonly etag: string;
  readonly lastModified: Date;
}

/** Whether a request's conditions hold, in the order of RFC 9110 §13.2.2: what to answer otherwise. */
export function precondition(headers: IncomingHttpHeaders, validators: Validators): 304 | 412 | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match !== undefined) {
    if (!names(match, validators, 'strong')) return 412;
  } else if (isNewer(validators, headers['if-unmodified-since']) === true) return 412;
  if (noneMatch !== undefined) return names(noneMatch, validators, 'weak') ? 304 : undefined;
  return isNewer(validators, headers['if-modified-since']) === false ? 304 : undefined;
}

/** Whether the Range header counts: not when If-Range names another version (RFC 9110 §13.1.5). */
export function rangeCounts(headers: IncomingHttpHeaders, validators: Validators): boolean {
  const condition = headers['if-range'];
  if (typeof condition !== 'string') return true;
  if (condition.startsWith('"') || condition.startsWith('W/')) return condition === validators.etag;
  return Date.parse(condition) === inSeconds(validators.lastModified);
}

/** The strong comparison lets no weak tag match (RFC 9110 §8.8.3.2). */
function names(header: string, { etag }: Validators, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => (comparison === 'weak' ? tag.replace(/^W\//, '') : tag) === etag);
}

/** Undefined: there is no date to compare with. */
function isNewer({ lastModified }: Validators, date: string | undefined): boolean | undefined {
  const since = Date.parse(date ?? '');
  return Number.isNaN(since) ? undefined : inSeconds(lastModified) > since;
}

/** As precise as a date in HTTP is. */
function inSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}
