/** Nanoseconds since 1970 as ISO 8601 has it, to the last digit. */
export function isoTime(time: bigint): string {
  if (time < 0n) return `-${isoTime(-time)}`;
  const seconds = time / 1_000_000_000n;
  const fraction = String(time % 1_000_000_000n).padStart(9, '0');
  const date = new Date(Number(seconds) * 1000);
  // Clocks of captures may be anything.
  if (Number.isNaN(date.getTime())) return `${seconds}.${fraction}`;
  return `${date.toISOString().slice(0, -'.000Z'.length)}.${fraction}Z`;
}
