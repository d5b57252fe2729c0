/**
 * Where processes and machines keep what they have in common: {@link memoryStore}, {@link clusterStore}, {@link redisStore}, or one of the
 * application's own. Both methods may reject, answer late or never: whoever asks has a limit of time.
 */
export interface SharedStore {
  /**
   * @param name - printable ASCII, shorter than 200 characters
   * @returns what is kept under the name; undefined or null where that is nothing
   */
  get(name: string): Promise<string | null | undefined>;
  /**
   * Keeps a value, unless there is one under this name already: of several that add at once, one succeeds. What comes of it `get` tells.
   *
   * @param value - printable ASCII
   * @param milliseconds - how long it is kept, an integer above zero
   */
  add(name: string, value: string, milliseconds: number): Promise<unknown>;
}

/**
 * Meanwhile the process stays: what `asked` answers, or a rejection behind so many milliseconds, or when `signal` aborts; the answer is of no matter
 * then.
 */
export async function within<Answer>(
  milliseconds: number,
  asked: () => Promise<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the store did not answer within ${milliseconds} ms`)), milliseconds);
    onAbort = () => reject(new Error('nobody waits for the store any more'));
  });
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort);
  try {
    return await Promise.race([late, asked()]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
