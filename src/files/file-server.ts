import type { Stats } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { byteRange } from './byte-range.ts';
import { precondition, rangeCounts, type Validators } from './conditions.ts';
import { contentType } from './content-type.ts';
import { encodePath, pathSegments } from './request-path.ts';
import { sendFile, turnOf } from './response-file.ts';
import { type Entry, type OpenFile, Site } from './site.ts';

/** What {@link serveFiles} serves beside files. */
export interface FileServerOptions {
  /** Names that begin with a dot, too. Default false: there is nothing by such a name. */
  readonly dotfiles?: boolean | undefined;
  /** Headers of every file. Default: `cache-control: no-cache`, so that clients ask whether what they have is still good. */
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** The page of a folder that has no index.html. Default: there is none, and the folder is not found. */
  readonly listing?: ((folder: readonly string[], entries: readonly Entry[], more: boolean) => ListingPage) | undefined;
}

export interface ListingPage {
  readonly html: string;
  readonly headers?: OutgoingHttpHeaders | undefined;
}

/** Answers requests; `next` is called, as by Express, for what is not found and with what goes wrong before there is an answer. */
export type FileHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/**
 * A request listener that serves the files of a folder: GET and HEAD, conditions (RFC 9110 §13), one range (§14), media types, index.html. Nothing
 * outside the folder, whatever links say.
 *
 * @param folder Its path. Where there is none, requests are answered with 500, or `next` gets the system's error.
 */
export function serveFiles(folder: string, options: FileServerOptions = {}): FileHandler {
  const site = Site.of(folder, { dotfiles: options.dotfiles === true });
  // Told with the first request.
  site.catch(() => {});
  return (request, response, next) => {
    const answer = new Answer(request, response, options, next);
    void site.then((found) => answer.give(found)).catch((error) => answer.fail(error));
  };
}

/** One request's. */
class Answer {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: FileServerOptions;
  readonly #next: ((error?: unknown) => void) | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: FileServerOptions,
    next: ((error?: unknown) => void) | undefined,
  ) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#next = next;
  }

  async give(site: Site): Promise<void> {
    // One that comes after others waits for its turn: or it would have a file open meanwhile.
    await turnOf(this.#response);
    const { method, url } = this.#request;
    if (method !== 'GET' && method !== 'HEAD') {
      if (this.#next) this.#next();
      else this.#refuse(405, 'Only GET and HEAD are understood.', { allow: 'GET, HEAD' });
      return;
    }
    const segments = pathSegments(url ?? '/');
    if (!segments) return this.#notFound();
    const names = segments.filter((segment) => segment !== '');
    const wantsFolder = segments.at(-1) === '' || segments.length === 0;
    const found = await site.find(names);
    if (!found || (wantsFolder && !found.isFolder)) return this.#notFound();
    if (!found.isFolder) return await this.#sendFound(site, found.path);
    const index = await site.find([...names, 'index.html']);
    const hasIndex = index !== undefined && !index.isFolder;
    if (!hasIndex && !this.#options.listing) return this.#notFound();
    // Links in a page are relative: the slash must be there.
    if (!wantsFolder) return this.#refuse(308, 'This is a folder.', { location: `${encodePath(names)}/` });
    if (hasIndex) return await this.#sendFound(site, index.path);
    await this.#list(site, names, found.path);
  }

  /** What the system says of its files is nothing for the peer. */
  fail(error: unknown): void {
    if (this.#request.socket.destroyed) return;
    if (this.#response.headersSent) this.#request.socket.destroy();
    else if (this.#next) this.#next(error);
    else this.#refuse(500, 'The file could not be read.');
  }

  async #list(site: Site, names: readonly string[], path: string): Promise<void> {
    const { entries, more } = await site.list(names, path, mostEntries);
    const page = this.#options.listing?.(names, entries, more);
    if (page) this.#sendText(200, page.html, { 'content-type': 'text/html; charset=utf-8', ...page.headers });
  }

  async #sendFound(site: Site, path: string): Promise<void> {
    const file = await site.open(path);
    if (!file) return this.#notFound();
    try {
      await this.#sendFile(file);
    } finally {
      await file.handle.close();
    }
  }

  async #sendFile({ handle, name, stat }: OpenFile): Promise<void> {
    const { headers, method } = this.#request;
    const response = this.#response;
    const validators = validatorsOf(stat);
    const common = {
      ...secure,
      etag: validators.etag,
      'last-modified': validators.lastModified.toUTCString(),
      'cache-control': 'no-cache',
      'accept-ranges': 'bytes',
      ...this.#options.headers,
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
    if (range === 'unsatisfiable')
      return this.#refuse(416, 'The file is not that long.', { 'content-range': `bytes */${size}` });
    const { start, length } = range ?? { start: 0, length: size };
    response.statusCode = range ? 206 : 200;
    const all = {
      ...common,
      'content-type': contentType(name),
      ...(range && { 'content-range': `bytes ${start}-${start + length - 1}/${size}` }),
    };
    for (const [header, value] of Object.entries(all)) if (value !== undefined) response.setHeader(header, value);
    await sendFile(response, handle, { start, length });
  }

  #notFound(): void {
    if (this.#next) this.#next();
    else this.#refuse(404, 'There is nothing here.');
  }

  #refuse(status: number, reason: string, headers: OutgoingHttpHeaders = {}): void {
    this.#sendText(status, `${reason}\n`, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  }

  #sendText(status: number, text: string, headers: OutgoingHttpHeaders): void {
    const all = { ...secure, ...headers, 'content-length': Buffer.byteLength(text) };
    this.#response.writeHead(status, all).end(text);
  }
}

/** Nanoseconds would need bigint; inode, size and time together change with every way to write a file that there is. */
function validatorsOf({ ino, size, mtimeMs, mtime }: Stats): Validators {
  return {
    etag: `"${[ino, size, Math.round(mtimeMs * 1000)].map((part) => part.toString(36)).join('-')}"`,
    lastModified: mtime,
  };
}

/** Types are what they are said to be. */
const secure = { 'x-content-type-options': 'nosniff' };
const mostEntries = 10_000;
