/** A length for people. */
export function bytesText(length: number): string {
  if (length < 1000) return `${length} B`;
  const [amount, unit] = [
    [length / 1e9, 'GB'],
    [length / 1e6, 'MB'],
    [length / 1e3, 'kB'],
  ].find(([value]) => Number(value) >= 1) ?? [length, 'B'];
  return `${Number(amount).toPrecision(3)} ${unit}`;
}

/** A time that passed, in nanoseconds, for people. */
export function durationText(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds) / 1e6;
  if (milliseconds < 1000) return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 1)} ms`;
  const seconds = milliseconds / 1000;
  return seconds < 120
    ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function countText(count: number, one: string, many: string = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
