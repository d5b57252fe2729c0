import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { program } from './program.ts';

/** What a program has to be started with so that it buffers its stdout although it wants not to. */
export function bufferedStdout(folder: string): { LD_PRELOAD: string } {
  const library = `${folder}/buffered-stdout.so`;
  if (!existsSync(library)) {
    const source = fileURLToPath(new URL('./buffered-stdout.c', import.meta.url));
    execFileSync(program('cc'), ['-shared', '-fPIC', '-o', library, source]);
  }
  return { LD_PRELOAD: library };
}
