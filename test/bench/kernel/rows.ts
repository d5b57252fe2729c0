import { type Goal, makeRow, type Row, type Sample } from '../measure.ts';
import type { BytesCount, Count } from './count.ts';

/** The counts that have goals, as rows like any other; each machine's is a round. */
export function countRows(counts: readonly Count[]): Row[] {
  const bytes = counts.filter((count) => count.kind === 'bytes').filter(({ chunk }) => chunk === goalChunk);
  const names = new Set(bytes.map(nameOf));
  return [...names].map((name) => {
    const own = bytes.filter((count) => nameOf(count) === name);
    const samples: Record<string, Sample[]> = {};
    for (const { contender, own: figure, whole: processor } of own) {
      samples[contender] = [...(samples[contender] ?? []), { figure, processor }];
    }
    const goal = goals[own[0]?.way ?? 'send'];
    return makeRow({ name, unit: 'a byte', better: 'less', samples, goals: { kernel: goal } });
  });
}

function nameOf({ way, suite }: BytesCount): string {
  return `instructions, ${titles[way]}, ${suite}`;
}

const titles = { receive: 'receive', send: 'send 64 KB', file: 'send a file' };
const goals: Readonly<Record<BytesCount['way'], Goal>> = {
  receive: { ratio: 0.6 },
  send: { ratio: 0.9 },
  file: { ratio: 0.45 },
};
const goalChunk = 65_536;
