import type { TLSSocket } from '../index.ts';

type RecordLayer = TLSSocket['recordLayer'];

/** Who carries what each end sends and receives, and why that is not the kernel: one reason, or each with its direction. */
export function describeRecords(ends: Readonly<Record<string, RecordLayer>>): { layers: string[]; reasons: string[] } {
  const layers = Object.entries(ends).map(([end, { write, read }]) => `${end} sends: ${write}, receives: ${read}`);
  const directions = Object.entries(ends).flatMap(([end, { reason }]) => [
    { direction: `${end} sends`, reason: reason.write },
    { direction: `${end} receives`, reason: reason.read },
  ]);
  const reasons = new Set(directions.map(({ reason }) => reason).filter((reason) => reason !== undefined));
  return {
    layers,
    reasons: [...reasons].map((reason) => {
      const concerned = directions.filter((direction) => direction.reason === reason);
      if (concerned.length === directions.length) return reason;
      return `${concerned.map(({ direction }) => direction).join(', ')}: ${reason}`;
    }),
  };
}
