import fc from 'fast-check';
import type { Answer } from './answers.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof(fc.constant(undefined), arbitrary);
const few = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(40_000) });

/** Of one file of at most so many bytes, one after the other on a connection. */
export function answersUpTo(most: number): fc.Arbitrary<Answer[]> {
  const bytes = sizesUpTo(most);
  const answer: fc.Arbitrary<Answer> = fc.record({
    size: bytes,
    start: maybe(bytes),
    end: maybe(bytes),
    highWaterMark: maybe(fc.constantFrom(1000, 16_383, 16_384, 65_537, 1_000_000)),
    autoClose: fc.boolean(),
    by: fc.constantFrom('path', 'path', 'descriptor', 'handle'),
    skipped: few,
    connect: fc.constantFrom('pipe', 'pipe and end', 'pipeline'),
    before: few,
    after: few,
    length: fc.constantFrom('told', 'told', 'strict', 'chunked'),
  });
  return fc.array(answer, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map((each) => {
      const [first, last] = [each.start ?? 0, each.end ?? Infinity];
      return { ...each, size: all[0]?.size ?? 0, end: last < first ? first : each.end };
    }),
  );
}

/** At the edges of records, of what streams read at once, and of the parts in which files are sent; and anything. */
function sizesUpTo(most: number): fc.Arbitrary<number> {
  const edges = [1, 16_384, 65_536, 131_072, 1_048_576, 2_097_152].flatMap((edge) => [edge - 1, edge, edge + 1]);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...edges.filter((edge) => edge <= most)) },
    { weight: 2, arbitrary: fc.nat(Math.min(most, 200_000)) },
    { weight: 1, arbitrary: fc.nat(most) },
  );
}
