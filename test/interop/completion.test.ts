import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runKtls } from '../cli/run-ktls.ts';
import { program } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-completion-'));

beforeAll(async () => {
  for (const shell of ['zsh', 'fish']) {
    writeFileSync(join(folder, shell), (await runKtls('completion', shell)).stdout);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

const lines = [
  ['ktls ser', 'serve'],
  ['ktls serve --dot', '--dotfiles'],
  ['ktls serve --ktls req', 'require'],
  ['ktls connect --ktls pre', 'prefer'],
  ['ktls connect --serv', '--servername'],
  ['ktls decrypt --keyl', '--keylog'],
  ['ktls completion fi', 'fish'],
] as const;

describe('completion in fish', () => {
  test.each(lines)('%s', async (line, completed) => {
    const words = ['--no-config', '-c', `source ${join(folder, 'fish')}; complete -C '${line}'`];
    const { stdout, stderr } = await promisify(execFile)(program('fish'), words);
    expect(stderr).toBe('');
    expect(stdout.split('\n').map((found) => found.split('\t')[0])).toContain(completed);
  });
});

describe('completion in zsh', () => {
  test.each(lines)('%s', async (line, completed) => {
    const { stdout } = await promisify(execFile)(program('zsh'), ['-f', '-c', typing], {
      env: { ...process.env, LINE: line, COMPLETION: join(folder, 'zsh'), TERM: 'dumb' },
    });
    expect(stdout).toContain(`<${line.slice(0, line.lastIndexOf(' '))} ${completed} >`);
  });
});

/** Types $LINE and a tab into a zsh of its own, and then a key that shows what has become of it. */
const typing = String.raw`
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -U compinit; compinit -u -D; source "$COMPLETION"
show() { print -r -- "<$BUFFER>"; exit }; zle -N show; bindkey "^X" show; print REA""DY'
while zpty -r shell part; do said+=$part; [[ $said == *READY* ]] && break; done
zpty -w -n shell "$LINE"$'\t\x18'
while zpty -r shell part; do print -n -r -- $part; done
`;
