import { once } from 'node:events';
import { constants, type Http2ServerResponse, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { codedError } from '../errors/coded.ts';
import type { SendFileOptions } from '../socket/send-file.ts';
import type { OpenedFile } from '../socket/sendable-file.ts';

/** Answers a request of HTTP/2 with a file that is open: node:http2 reads it. Resolves to the bytes sent when the stream has closed. */
export async function sendOverHttp2(
  response: Http2ServerResponse | ServerHttp2Stream,
  { source, start, length }: OpenedFile,
  { signal, onProgress }: SendFileOptions,
): Promise<number> {
  const isStream = 'respondWithFD' in response;
  const stream = isStream ? response : response.stream;
  if (!stream || stream.destroyed || stream.closed)
    throw codedError('ERR_HTTP2_INVALID_STREAM', 'The stream has been destroyed');
  const headers: OutgoingHttpHeaders = {
    ...(!isStream && { ...response.getHeaders(), ':status': response.statusCode }),
    'content-length': length,
  };
  const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const closed = once(stream, 'close');
    closed.catch(() => {});
    const hasNoBody =
      Reflect.get(stream, 'headRequest') === true || headers[':status'] === 204 || headers[':status'] === 304;
    if (hasNoBody || length === 0) stream.respond(headers, { endStream: true });
    else stream.respondWithFD(source, headers, { offset: start, length });
    await closed;
    signal?.throwIfAborted();
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR)
      throw codedError('ERR_STREAM_PREMATURE_CLOSE', 'Premature close');
    const sent = hasNoBody ? 0 : length;
    onProgress?.(sent);
    return sent;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
