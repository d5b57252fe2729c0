import { ReadStream } from 'node:fs';
import { type FilePlan, type FileRefusal, fileDecision } from './file-decision.ts';

/** Told of each file stream that was about to be read: how much of it went past it and, where the rest is read, why. */
export type FileListener = (path: unknown, sent: number, refusal: FileRefusal | undefined) => void;

/**
 * From here on an fs.ReadStream that is piped into a response or a socket of this library has its file sent by {@link TLSSocket.sendFile} as far as
 * that goes, for the whole process. The stream is as it was: it only has read that much when it comes to reading. Whatever is not
 * as it should be, now or later (file-decision.ts has the list), is read as always. `worthwhile`: bytes of which a response must have at least so
 * many for that.
 */
export function sendReadStreams(listener: FileListener = () => {}, worthwhile?: number): void {
  const read = ReadStream.prototype._read;
  const asked = new WeakSet<ReadStream>();
  ReadStream.prototype._read = function readOrSend(this: ReadStream, size: number): void {
    const goOn = (): void => Reflect.apply(read, this, [size]);
    const isFirst = !asked.has(this);
    asked.add(this);
    // Asked once for each stream: who reads some of it reads all of it.
    const plan = isFirst ? fileDecision(this, worthwhile) : undefined;
    if (plan === undefined || 'refused' in plan) {
      if (plan) listener(this.path, 0, plan);
      goOn();
      return;
    }
    void sendAhead(this, plan).then(({ sent, refusal }) => {
      listener(this.path, sent, refusal);
      if (!this.destroyed) goOn();
    });
  };
}

/** Sends part by part, for as long as nothing has changed. Never rejects: what goes wrong, reading finds out again. */
async function sendAhead(
  stream: ReadStream,
  first: FilePlan,
): Promise<{ readonly sent: number; readonly refusal: FileRefusal | undefined }> {
  const release = holdOpen(stream);
  let sent = 0;
  try {
    // The headers wait for the file's first part, to leave with it.
    first.socket.cork();
    first.begin();
    process.nextTick(() => first.socket.uncork());
    for (let left = first.most; left > 0; ) {
      const plan = sent === 0 ? first : fileDecision(stream);
      if ('refused' in plan) return { sent, refusal: plan };
      if (stream.destroyed || plan.socket !== first.socket) return { sent, refusal: gone };
      const part = Math.min(left, partLength);
      const { bytes, isAll } = await sendPart(plan, part);
      sent += bytes;
      left -= bytes;
      plan.count(bytes);
      stream.bytesRead += bytes;
      Reflect.set(stream, 'pos', plan.start + bytes);
      if (!isAll) return { sent, refusal: undefined };
    }
    return { sent, refusal: undefined };
  } finally {
    release();
  }
}

async function sendPart(
  { socket, source, start }: FilePlan,
  length: number,
): Promise<{ bytes: number; isAll: boolean }> {
  let bytes = 0;
  const onProgress = (sent: number): void => {
    bytes = sent;
  };
  try {
    await socket.sendFile(source, { start, length, onProgress });
    return { bytes, isAll: true };
  } catch {
    // The file has ended, or has a fault; or the connection is gone.
    return { bytes, isAll: false };
  }
}

/** A stream that is destroyed closes its file, whose number is then another's: not before a part that is under way has been sent. */
function holdOpen(stream: ReadStream): () => void {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const destroy = stream._destroy;
  stream._destroy = (error, done) => void released.then(() => Reflect.apply(destroy, stream, [error, done]));
  return () => {
    Reflect.deleteProperty(stream, '_destroy');
    release();
  };
}

const gone: FileRefusal = { refused: 'the stream or its destination is gone' };

/** Bytes: between parts the stream can be taken out of its pipe, and what else is to be sent gets its turn. */
const partLength = 1024 * 1024;
