/** '0 B', '999 B', '1.2 kB', '34 MB': powers of 1000, at most three digits. */
export function bytesInWords(bytes: number): string {
  const step = units.findIndex((_, index) => bytes < 999.5 * 1000 ** index);
  const power = step < 0 ? units.length - 1 : step;
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

/** '0.4 ms', '12 ms', '3.4 s', '2 min 5 s'. */
export function timeInWords(milliseconds: number): string {
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${milliseconds.toFixed(0)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** '1 request', '2 requests'. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
