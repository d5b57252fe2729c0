import { once } from 'node:events';
import type { Stats } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { TLSSocket } from '../../index.ts';
import { byteRange } from './byte-range.ts';
import { precondition, rangeCounts, type Validators } from './conditions.ts';
import { contentType } from './content-type.ts';
import { listingPage, listingPolicy } from './listing.ts';
import { encodePath, pathSegments } from './request-path.ts';
import type { OpenFile, Site } from './site.ts';

/** Answers a request from the site's files. Never rejects: what goes wrong on the way ends the connection. */
export async function answerFromSite(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    // One that comes after others, unanswered yet, waits for its turn: or it would have a file open meanwhile.
    if (!response.socket) await Promise.race([once(response, 'socket'), once(request.socket, 'close')]);
    if (!request.socket.destroyed) await answer(site, request, response);
  } catch {
    // What the system says of its files is nothing for the peer.
    if (response.headersSent) request.socket.destroy();
    else refuse(response, 500, 'The file could not be read.');
  }
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(response, 405, 'Only GET and HEAD are understood.', { allow: 'GET, HEAD' });
    return;
  }
  const segments = pathSegments(request.url ?? '/');
  if (!segments) return notFound(response);
  const names = segments.filter((segment) => segment !== '');
  const wantsFolder = segments.at(-1) === '' || segments.length === 0;
  const found = await site.find(names);
  if (!found || (wantsFolder && !found.isFolder)) return notFound(response);
  if (!found.isFolder) return sendFound(site, found.path, request, response);
  if (!wantsFolder) {
    // Links in a listing are relative: the slash must be there.
    refuse(response, 308, 'This is a folder.', { location: `${encodePath(names)}/` });
    return;
  }
  const index = await site.find([...names, 'index.html']);
  if (index && !index.isFolder) return sendFound(site, index.path, request, response);
  const { entries, more } = await site.list(names, found.path, mostEntries);
  sendText(response, 200, listingPage(names, entries, more), {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': listingPolicy,
  });
}

async function sendFound(site: Site, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const file = await site.open(path);
  if (!file) return notFound(response);
  try {
    await sendFile(file, request, response);
  } finally {
    await file.handle.close();
  }
}

async function sendFile(
  { handle, name, stat }: OpenFile,
  { headers, method, socket }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const validators = validatorsOf(stat);
  const common = {
    ...secure,
    etag: validators.etag,
    'last-modified': validators.lastModified.toUTCString(),
    'cache-control': 'no-cache',
    'accept-ranges': 'bytes',
  };
  const unmet = precondition(headers, validators);
  if (unmet !== undefined) {
    response.writeHead(unmet, common).end();
    return;
  }
  const { size } = stat;
  // RFC 9110 §14.2: Range is for GET alone.
  const isWanted = method === 'GET' && rangeCounts(headers, validators);
  const range = isWanted ? byteRange(headers.range, size) : undefined;
  if (range === 'unsatisfiable') {
    refuse(response, 416, 'The file is not that long.', { 'content-range': `bytes */${size}` });
    return;
  }
  const { start, length } = range ?? { start: 0, length: size };
  response.writeHead(range ? 206 : 200, {
    ...common,
    'content-type': contentType(name),
    'content-length': length,
    ...(range && { 'content-range': `bytes ${start}-${start + length - 1}/${size}` }),
  });
  if (method === 'HEAD' || length === 0) {
    response.end();
    return;
  }
  if (!(socket instanceof TLSSocket)) throw new Error('the connection is not TLS');
  response.flushHeaders();
  await socket.sendFile(handle, { start, length });
  response.end();
}

/** Nanoseconds would need bigint; inode, size and time together change with every way to write a file that there is. */
function validatorsOf({ ino, size, mtimeMs, mtime }: Stats): Validators {
  return {
    etag: `"${[ino, size, Math.round(mtimeMs * 1000)].map((part) => part.toString(36)).join('-')}"`,
    lastModified: mtime,
  };
}

function notFound(response: ServerResponse): void {
  refuse(response, 404, 'There is nothing here.');
}

function refuse(response: ServerResponse, status: number, reason: string, headers: OutgoingHttpHeaders = {}): void {
  sendText(response, status, `${reason}\n`, { 'content-type': 'text/plain; charset=utf-8', ...headers });
}

function sendText(response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders): void {
  response.writeHead(status, { ...secure, ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
}

/** Types are what they are said to be. */
const secure = { 'x-content-type-options': 'nosniff' };
const mostEntries = 10_000;
