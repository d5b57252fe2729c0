import type { describe, test } from 'vitest';

type Api = typeof describe | typeof test;

/** `api`, which skips where `why` says why it cannot be run here. That stands in the title, and npm test counts what it skipped by it. */
export function unless<Some extends Api>(why: string | false | undefined, api: Some): Some;
export function unless(why: string | false | undefined, api: Api): unknown {
  if (!why) return api;
  const titled = (title: unknown): string => `${String(title)} [skipped: ${why}]`;
  return new Proxy(api.skip, {
    apply: (skip, self, [title, ...rest]: unknown[]) => Reflect.apply(skip, self, [titled(title), ...rest]),
    get(skip, name) {
      if (name !== 'each') return Reflect.get(skip, name);
      return (...cases: unknown[]) => {
        const each: (...args: unknown[]) => unknown = Reflect.apply(skip.each, skip, cases);
        return (title: unknown, ...rest: unknown[]) => each(titled(title), ...rest);
      };
    },
  });
}
