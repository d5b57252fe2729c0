import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Installation, install, root } from './installation.ts';

interface Block {
  readonly file: string;
  readonly line: number;
  /** What stands behind the opening fence. */
  readonly kind: string;
  readonly text: string;
}

const documents = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...pagesOf('docs')];
const blocks = documents.flatMap(blocksOf);
const preload = fileURLToPath(new URL('as-printed.mjs', import.meta.url));
let installation: Installation;

beforeAll(async () => {
  installation = await install();
  const { folder } = installation;
  symlinkSync(join(root, 'node_modules/undici'), join(folder, 'node_modules/undici'));
  symlinkSync(join(root, 'ech'), join(folder, 'node_modules/ktls-ech'));
  mkdirSync(join(folder, 'public'));
  writeFileSync(join(folder, 'public/index.html'), 'a page');
  writeFileSync(join(folder, 'report.pdf'), Buffer.alloc(100_000, 'report'));
  cpSync(join(root, 'test/dissect/cases/t13-ccm8.pcapng'), join(folder, 'traffic.pcapng'));
  cpSync(join(root, 'test/dissect/cases/t13-ccm8.log'), join(folder, 'secrets.log'));
  writeFileSync(join(folder, 'app.js'), "console.log(typeof require('node:tls').TLSSocket.prototype.sendFile);");
}, 240_000);

afterAll(() => installation?.remove());

describe('programs in the documents run as they are printed', () => {
  test.each(blocks.filter(({ kind }) => kind === 'js'))('$file:$line', async ({ text, line }) => {
    const program = join(installation.folder, `line-${line}.mjs`);
    writeFileSync(program, text);
    const child = fork(program, { cwd: installation.folder, execArgv: ['--import', preload], silent: true });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (more: string) => {
      said += more;
    });
    const ended = once(child, 'exit');
    if (text.includes('.listen(8443)')) {
      const [{ port }] = await once(child, 'message');
      expect(await statusOf(port, '/report')).toBe(200);
      expect(await statusOf(port, '/index.html')).toBe(200);
      expect(await statusOf(port, '/none')).toBe(404);
      child.kill();
      await ended;
    } else {
      expect([await ended, said]).toEqual([[0, null], '']);
    }
  });

  test.each(blocks.filter(({ kind }) => kind === 'js excerpt'))('$file:$line is part of an example', ({ text }) => {
    const lines = text.trim().split('\n');
    const examples = readdirSync(join(root, 'docs/examples')).map((name) =>
      readFileSync(join(root, 'docs/examples', name), 'utf8').split('\n'),
    );
    expect(examples.some((example) => areThere(lines, example))).toBe(true);
  });

  test('there is no other kind of program', () => {
    const known = ['js', 'js excerpt', 'sh', 'ts', 'python', ''];
    expect(blocks.filter(({ kind }) => !known.includes(kind))).toEqual([]);
  });

  test('the line that puts ktls in the place of node:tls does so', async () => {
    const line = blocks.find(({ file, text }) => file === 'README.md' && text.includes('ktls/register'))?.text.trim();
    expect(line).toBe('node --import ktls/register app.js');
    const [command = '', ...words] = line?.split(' ') ?? [];
    expect(await installation.run(command, ...words)).toMatchObject({ stdout: 'function\n' });
  });
});

describe('links in the documents', () => {
  test.each(documents)('%s', (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    const local = targets.filter((target) => !/^[a-z]+:/.test(target));
    // What is in the package links only to what is there, too: npm shows README.md, and who has the package reads the others.
    const isPacked = existsSync(join(installation.package, file));
    const base = isPacked ? installation.package : root;
    expect(local.filter((target) => !existsSync(join(base, dirname(file), target)))).toEqual([]);
  });
});

/** Whether a program has these lines in this order, however far in they stand and whatever is between them. */
function areThere(lines: readonly string[], program: readonly string[]): boolean {
  const waiting = lines.map((line) => line.trim());
  for (const line of program) if (line.trim() === waiting[0]) waiting.shift();
  return waiting.length === 0;
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  const ca = readFileSync(join(installation.folder, 'cert.pem'));
  return new Promise((resolve, reject) => {
    https
      .get({ port, host: 'localhost', path, ca, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      })
      .on('error', reject);
  });
}

function pagesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

function blocksOf(file: string): Block[] {
  const found: Block[] = [];
  let open: { line: number; kind: string; lines: string[] } | undefined;
  for (const [index, text] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    if (!text.startsWith('```')) open?.lines.push(text);
    else if (open) {
      found.push({ file, line: open.line, kind: open.kind, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else open = { line: index + 1, kind: text.slice(3), lines: [] };
  }
  return found;
}
