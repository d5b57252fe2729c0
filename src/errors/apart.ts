/** Runs what is somebody else's: what it throws concerns the process, as with all events, but not those who called it, nor who is told next. */
export function apart(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
