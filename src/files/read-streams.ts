import { fstat, ReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { isReadInThisThread, readInThisThread } from './cached-file.ts';
import { type FilePlan, type FileRefusal, fileDecision, isCorked, tooSmall } from './file-decision.ts';

/** Told of each file stream that was about to be read: how much of it went past it and, where the rest is read, why. */
export type FileListener = (path: unknown, sent: number, refusal: FileRefusal | undefined) => void;

/**
 * From here on an fs.ReadStream that is piped into a response or a socket of this library has its file sent by {@link TLSSocket.sendFile} as far as
 * that goes, for the whole process. The stream is as it was: it only has read that much when it comes to reading. Whatever is not
 * as it should be, now or later (file-decision.ts has the list), is read as always. `worthwhile`: bytes of which a response must have at least so
 * many for that; what is shorter is read by its stream, without a thread where the system has it in memory ({@link readInThisThread}).
 */
export function sendReadStreams(listener: FileListener = () => {}, worthwhile?: number): void {
  const read = ReadStream.prototype._read;
  const asked = new WeakSet<ReadStream>();
  ReadStream.prototype._read = function readOrSend(this: ReadStream, size: number): void {
    const goOn = (): void => Reflect.apply(read, this, [size]);
    // Asked once for each stream: who reads some of it reads all of it.
    const plan = isReadInThisThread(this) || asked.has(this) ? undefined : fileDecision(this, worthwhile);
    if (plan === tooSmall) readInThisThread(this, mostInThisThread);
    if (plan && !isReadInThisThread(this)) asked.add(this);
    if (plan === undefined || 'refused' in plan) {
      if (plan) listener(this.path, 0, plan);
      goOn();
      return;
    }
    void sendAhead(this, plan, worthwhile).then(({ sent, refusal }) => {
      listener(this.path, sent, refusal);
      if (!this.destroyed) goOn();
    });
  };
}

/** Sends part by part, for as long as nothing has changed. Never rejects: what goes wrong, reading finds out again. */
async function sendAhead(stream: ReadStream, first: FilePlan, worthwhile: number | undefined): Promise<Sent> {
  const held = holdOpen(stream);
  let sent = 0;
  try {
    // No headers may speak of what turns out to be a folder or a pipe.
    if (!(await isFileWithMore(first))) return { sent, refusal: noFile };
    let plan = isCorked(first) ? corked : fileDecision(stream, worthwhile);
    if (!('refused' in plan)) plan = begin(stream, plan, worthwhile);
    for (let left = first.most; left > 0; ) {
      if ('refused' in plan) return { sent, refusal: plan };
      if (stream.destroyed || plan.socket !== first.socket) return { sent, refusal: gone };
      const length = Math.min(left, plan.most, partLength);
      const { bytes, isAll } = await sendPart(stream, plan, length, held.destroyed);
      sent += bytes;
      left -= bytes;
      if (bytes > 0) {
        plan.count(bytes);
        Reflect.set(stream, 'pos', plan.start + bytes);
      }
      if (!isAll) break;
      if (left > 0) plan = fileDecision(stream, worthwhile);
    }
    return { sent, refusal: undefined };
  } finally {
    held.release();
  }
}

/** Sends the headers, which wait for the file's first part to leave with it; the application's hooks may have made others of them. */
function begin(stream: ReadStream, plan: FilePlan, worthwhile: number | undefined): FilePlan | FileRefusal {
  const { socket } = plan;
  socket.cork();
  try {
    plan.begin();
    return fileDecision(stream, worthwhile);
  } catch {
    // write() throws the same, to whoever has written.
    return { refused: 'the headers cannot be sent' };
  } finally {
    process.nextTick(() => socket.uncork());
  }
}

async function isFileWithMore({ source, start }: FilePlan): Promise<boolean> {
  try {
    const found = typeof source === 'number' ? await promisify(fstat)(source) : await source.stat();
    return found.isFile() && found.size > start;
  } catch {
    return false;
  }
}

/** What looks at the stream meanwhile sees it read on. */
async function sendPart(
  stream: ReadStream,
  { socket, source, start }: FilePlan,
  length: number,
  signal: AbortSignal,
): Promise<{ bytes: number; isAll: boolean }> {
  let bytes = 0;
  const onProgress = (sent: number): void => {
    stream.bytesRead += sent - bytes;
    bytes = sent;
  };
  try {
    await socket.sendFile(source, { start, length, onProgress, signal });
    return { bytes, isAll: true };
  } catch {
    // The file has ended, or has a fault; the stream was destroyed; or the connection is gone.
    return { bytes, isAll: false };
  }
}

/**
 * A stream that is destroyed closes its file, whose number is then another's: not before sendFile() has been told to end, and has ended.
 * `destroyed` aborts at once.
 */
function holdOpen(stream: ReadStream): { readonly destroyed: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  let released = (): void => {};
  const whenReleased = new Promise<void>((resolve) => {
    released = resolve;
  });
  const own = Object.getOwnPropertyDescriptor(stream, '_destroy');
  const destroy = stream._destroy;
  const destroyLater: typeof destroy = (error, done) => {
    controller.abort();
    void whenReleased.then(() => Reflect.apply(destroy, stream, [error, done]));
  };
  stream._destroy = destroyLater;
  const release = (): void => {
    if (stream._destroy === destroyLater) {
      if (own) Object.defineProperty(stream, '_destroy', own);
      else Reflect.deleteProperty(stream, '_destroy');
    }
    released();
  };
  return { destroyed: controller.signal, release };
}

interface Sent {
  readonly sent: number;
  readonly refusal: FileRefusal | undefined;
}

const gone: FileRefusal = { refused: 'the stream or its destination is gone' };
const noFile: FileRefusal = { refused: 'it is no file, or has no more' };
const corked: FileRefusal = { refused: 'what is written waits for uncork()' };

/** Bytes of a stream: as much as a small file has. */
const mostInThisThread = 128 * 1024;
/** Bytes: between parts the stream can be taken out of its pipe, and what else is to be sent gets its turn. */
const partLength = 1024 * 1024;
