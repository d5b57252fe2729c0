/** What of an engine is told that its module is lost. */
interface Engine {
  readonly onLost: ((error: Error) => void) | undefined;
}

/** The engines of a module, which do not keep it from collecting those that nobody disposed of. */
export class LiveEngines {
  readonly #entries = new Set<WeakRef<Engine>>();
  /** Called when the last has gone. */
  onNone: (() => void) | undefined;

  get size(): number {
    return this.#entries.size;
  }

  add(entry: WeakRef<Engine>): void {
    this.#entries.add(entry);
  }

  delete(entry: WeakRef<Engine>): void {
    if (this.#entries.delete(entry) && this.#entries.size === 0) this.onNone?.();
  }

  /** Tells all, later: whoever is in the middle of something finds out by itself, and does not expect to be destroyed meanwhile. */
  lose(error: Error): void {
    const entries = [...this.#entries];
    this.#entries.clear();
    queueMicrotask(() => {
      for (const entry of entries) entry.deref()?.onLost?.(error);
    });
  }
}
