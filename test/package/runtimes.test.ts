import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { elfProgram } from '../helpers/elf.ts';
import { exchange, exchanged } from './exchange.ts';
import { type Installation, install, root } from './installation.ts';

let installation: Installation;

beforeAll(async () => {
  for (const { command } of [...runtimes, arm64]) {
    const program = command.at(-1) ?? '';
    if (!existsSync(program)) throw new Error(`${program} is missing: node setup/run.mjs runtimes`);
  }
  installation = await install();
  writeFileSync(join(installation.folder, 'exchange.mjs'), exchange("import tls from 'ktls';"));
}, 240_000);

afterAll(() => installation?.remove());

const fetched = (name: string, program = 'node'): string => join(root, 'build/runtimes', name, program);

const runtimes = [
  { name: 'Node.js 22', command: [fetched('node-22')], permission: ['--experimental-permission'] },
  { name: 'Node.js 24', command: [process.execPath], permission: ['--permission'] },
  { name: 'Node.js 26', command: [fetched('node-26')], permission: ['--permission', '--allow-net'] },
];

/** In an emulator of the processor, with the libraries that Debian has for its cross compiler. */
const arm64 = { command: ['/usr/bin/qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', fetched('arm64-node-24')] };

describe.each(runtimes)('$name', { timeout: 120_000 }, ({ command, permission }) => {
  test.each([
    ['nothing'],
    ['--no-addons'],
    ['--disable-wasm-trap-handler'],
    ['--disallow-code-generation-from-strings'],
    ['--frozen-intrinsics'],
  ])('works with %s', async (option) => {
    const options = option === 'nothing' ? [] : [option];
    expect(await run([...command, '--no-warnings', ...options], 'exchange.mjs')).toEqual({
      stdout: exchanged,
      stderr: '',
    });
  });

  test('works under the permission model, when it may read files', async () => {
    const words = [...permission, `--allow-fs-read=${installation.folder}/`];
    expect(await run([...command, '--no-warnings', ...words], 'exchange.mjs')).toEqual({
      stdout: exchanged,
      stderr: '',
    });
  });

  test('says what is missing without WebAssembly', async () => {
    expect(await run([...command, '--no-warnings', '--jitless'], program('start.mjs', start))).toMatchObject({
      stdout:
        'ERR_KTLS_UNAVAILABLE OpenSSL cannot be loaded here: this process has no WebAssembly, perhaps by --jitless\n',
    });
  });
});

describe('a package that is not whole', { timeout: 60_000 }, () => {
  test('without the WebAssembly module: which file is missing', async () => {
    const { package: copy, run: runThere } = copied('no-wasm');
    rmSync(join(copy, 'wasm/ktls.wasm'));
    const { stdout } = await runThere(start);
    expect(stdout).toMatch(/^ERR_KTLS_UNAVAILABLE OpenSSL cannot be loaded here: ENOENT.*ktls\.wasm'\n$/);
  });

  test('with an addon that does not load: records go the portable way', async () => {
    const { package: copy, run: runThere } = copied('other-addon');
    const [own, other] = process.arch === 'arm64' ? ['linux-arm64', 'linux-x64'] : ['linux-x64', 'linux-arm64'];
    renameSync(join(copy, 'prebuilds', other, 'ktls.node'), join(copy, 'prebuilds', own, 'ktls.node'));
    expect((await runThere(exchange("import tls from 'ktls';"))).stdout).toBe(exchanged);
    expect((await runThere(why)).stdout).toMatch(/^no native addon on linux-\w+: .*ktls\.node/);
  });

  test('without a build for the platform, likewise', async () => {
    const { package: copy, run: runThere } = copied('no-addon');
    rmSync(join(copy, 'prebuilds'), { recursive: true });
    expect((await runThere(exchange("import tls from 'ktls';"))).stdout).toBe(exchanged);
    expect((await runThere(why)).stdout).toMatch(/^no native addon on linux-\w+: Cannot find module/);
  });
});

/** A program of musl's names its loader. Where that cannot be read, Node.js tells which glibc it runs on, and of none on musl. */
const onMusl = {
  'by its loader': `process.execPath = new URL('musl-program', import.meta.url).pathname;`,
  'by its report': `
    process.execPath = '/nowhere';
    const { report } = process;
    const getReport = report.getReport.bind(report);
    report.getReport = () => {
      const told = getReport();
      delete told.header.glibcVersionRuntime;
      return told;
    };`,
};

test.each(Object.entries(onMusl))(
  'on musl, told %s, the addon is left alone, and records go the portable way',
  { timeout: 60_000 },
  async (_, musl) => {
    writeFileSync(join(installation.folder, 'musl-program'), elfProgram('/lib/ld-musl-x86_64.so.1'));
    const source = exchange(`${musl}
      const { default: tls, probe } = await import('ktls');
      console.log(probe().refused);`);
    const { stdout } = await run([process.execPath], program('musl.mjs', source));
    expect(stdout).toMatch(/^no native addon on linux-\w+: it is made for glibc, not for musl\n/);
    expect(stdout.endsWith(exchanged)).toBe(true);
  },
);

describe('arm64', { timeout: 300_000 }, () => {
  test('works', async () => {
    expect(await run(arm64.command, 'exchange.mjs')).toEqual({ stdout: exchanged, stderr: '' });
  });

  test('has its addon', async () => {
    const words = [...arm64.command, program('why.mjs', why)];
    expect((await run(words)).stdout).not.toContain('no native addon');
  });
});

test('Deno works, the portable way', { timeout: 120_000 }, async () => {
  const deno = [fetched('deno', 'deno'), 'run', '--allow-all', '--quiet', '--no-remote'];
  expect((await run(deno, 'exchange.mjs')).stdout).toBe(exchanged);
  expect((await run(deno, program('why.mjs', why))).stdout).toBe(
    `no native addon on linux-${process.arch}: it is made for Node.js, not for other runtimes\n`,
  );
});

test('Bun works, the portable way', { timeout: 120_000 }, async () => {
  const bun = [fetched('bun', 'bun')];
  expect((await run(bun, 'exchange.mjs')).stdout).toBe(exchanged);
  expect((await run(bun, program('why.mjs', why))).stdout).toBe(
    `no native addon on linux-${process.arch}: it is made for Node.js, not for other runtimes\n`,
  );
});

const start = `
  import tls from 'ktls';
  try {
    tls.createSecureContext();
  } catch (error) {
    console.log(error.code, error.message);
  }`;

const why = `
  import { probe } from 'ktls';
  console.log(probe().refused);`;

function run(command: readonly string[], ...words: readonly string[]): ReturnType<Installation['run']> {
  const [program = '', ...rest] = command;
  return installation.run(program, ...rest, ...words);
}

function program(name: string, source: string): string {
  writeFileSync(join(installation.folder, name), source);
  return name;
}

/** Another installation, to take things out of. */
function copied(name: string): { readonly package: string; run(source: string): ReturnType<Installation['run']> } {
  const folder = join(installation.folder, name);
  const copy = join(folder, 'node_modules/ktls');
  mkdirSync(folder);
  cpSync(installation.package, copy, { recursive: true });
  return {
    package: copy,
    run(source) {
      writeFileSync(join(folder, 'program.mjs'), source);
      return run([process.execPath], join(folder, 'program.mjs'));
    },
  };
}
