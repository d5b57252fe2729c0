import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bindings } from '../../src/engine/openssl/ffi.ts';
import { EngineModule } from '../../src/engine/openssl/module.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Bodies of enums of wasm/engine.h: names and numbers. */
function enumOf(name: string): Map<string, number> {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(read('wasm/engine.h'))?.[1] ?? '';
  const members = body.replaceAll(/\/\*.*?\*\//gs, '').matchAll(/(\w+)(?: = (\d+))?,/g);
  const numbers = new Map<string, number>();
  let next = 0;
  for (const [, member = '', number] of members) {
    next = number === undefined ? next : Number(number);
    numbers.set(member, next++);
  }
  return numbers;
}

test.each([
  ['wasm/ktls.wasm', 'EngineExports'],
  ['ech/ktls-ech.wasm', 'EchExports'],
])('ffi.ts declares the exports that %s has, with as many parameters', (file, last) => {
  const text = read('src/engine/openssl/ffi.ts');
  const end = text.indexOf('\n}', text.indexOf(`interface ${last}`));
  const declared = [...text.slice(0, end).matchAll(/^ {2}(\w+)\(([^)]*)\): /gm)].map(
    ([, name = '', parameters = '']) =>
      [name, parameters.split(',').filter((one) => one.trim() !== '').length] as const,
  );
  const declaredNames = new Set<string>(declared.map(([name]) => name));
  const module = new WebAssembly.Module(readFileSync(new URL(`../../${file}`, import.meta.url)));
  const nothing = (): number => 0;
  const instance = new WebAssembly.Instance(module, {
    ktls: { random: nothing, now: nothing, ask: nothing, counter: nothing },
  });
  const exported = Object.entries(instance.exports).flatMap(([name, value]) =>
    typeof value === 'function' && (name.startsWith('ktls_') || declaredNames.has(name))
      ? [[name, value.length] as const]
      : [],
  );
  const byName = (rows: readonly (readonly [string, number])[]): object => Object.fromEntries([...rows].sort());
  expect(byName(declared)).toEqual(byName(exported));
});

test('the number of the bindings belongs to what the module is made of', () => {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const sources = readdirSync(new URL('../../wasm/', import.meta.url)).filter((name) => name.endsWith('.c'));
  const exported = sources
    .toSorted()
    .map((name) => [...read(`wasm/${name}`).matchAll(/KTLS_EXPORT\([a-z_0-9]+\)\([^)]*\)/g)].join(';'));
  const digest = hash(`${hash(read('wasm/engine.h'))}${exported.join('')}`).slice(0, 8);
  expect(`0x${bindings.toString(16).padStart(8, '0')}`).toBe(`0x${digest}`);
});

test('a module with other bindings is refused', () => {
  const bytes = readFileSync(new URL('../../wasm/ktls.wasm', import.meta.url));
  const other = new Uint8Array(bytes);
  // i32.const of the number, as signed LEB128.
  const constant = signedLeb128(bindings | 0);
  const at = bytes.indexOf(Buffer.from([0x41, ...constant, 0x0b]));
  expect(at).toBeGreaterThan(0);
  other[at + 1] = (other[at + 1] ?? 0) ^ 1;
  expect(() => new EngineModule(new WebAssembly.Module(other), host)).toThrow('not of this version of ktls');
  expect(new EngineModule(new WebAssembly.Module(bytes), host).opensslVersion).toMatch(/^3\.5\./);
});

const host = { random: (): void => {}, now: Date.now };

function signedLeb128(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const isLast = rest >> 6 === 0 || rest >> 6 === -1;
    bytes.push((rest & 0x7f) | (isLast ? 0 : 0x80));
    if (isLast) return bytes;
  }
}

test('outputs.ts reads each kind of output that the module writes', () => {
  const source = read('src/engine/openssl/outputs.ts');
  const parsed = [...source.matchAll(/^ {2}(\d+): \(/gm)].map(([, number]) => Number(number));
  expect(parsed.toSorted((a, b) => a - b)).toEqual([...enumOf('ktls_output').values()]);
});

test('the questions have the same numbers on both sides', () => {
  const files = ['questions.ts', 'signatures.ts', 'key-exchanges.ts'];
  const sources = files.map((file) => read(`src/engine/openssl/${file}`)).join('\n');
  const numbers = [...sources.matchAll(/^const (?!PSS)([A-Z_]+) = (\d+);/gm)].map(([, name, number]) => [
    name,
    Number(number),
  ]);
  const asked = [...enumOf('ktls_question')].map(([name, number]) => [
    name.replace('KTLS_ASK_', '').replace('EXCHANGE_', '').replace('VERIFY', 'VERIFY'),
    number,
  ]);
  expect(Object.fromEntries(numbers)).toEqual(Object.fromEntries(asked));
});

test('negotiated.ts reads the fields in the order in which inspect.c writes them', () => {
  const writes = /static void log_negotiated[\s\S]*?\n\}/.exec(read('wasm/inspect.c'))?.[0] ?? '';
  const written = [...writes.matchAll(/(?:text_field|field|peer_chain)\(log, ([^;]*)\);/g)].map(
    ([, what = '']) => what,
  );
  const order = ['get_name', 'standard_name', 'get_version', 'group_name', 'signature_scheme', 'server_name', 'alpn'];
  const rest = ['client_random', 'server_random', 'error_string', 'ssl'];
  expect(written.map((what, i) => what.includes([...order, ...rest][i] ?? '?'))).toEqual(
    [...order, ...rest].map(() => true),
  );
  const Field = /const Field = \{([^}]*)\}/.exec(read('src/engine/openssl/negotiated.ts'))?.[1] ?? '';
  expect([...Field.matchAll(/(\w+): (\d+)/g)].map(([, , number]) => Number(number))).toEqual(written.map((_, i) => i));
});
