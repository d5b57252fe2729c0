#!/usr/bin/env node
import { CommandError, ExitCode, UsageError } from './command.ts';
import { commands } from './commands.ts';
import { explainSystemError } from './explain.ts';
import { printCommandHelp, printHelp } from './help.ts';
import { nearest } from './nearest.ts';
import { Output } from './output.ts';
import { versions } from './versions.ts';

async function main(words: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    printHelp(output.report, commands);
    return name === undefined ? ExitCode.wrongUsage : ExitCode.done;
  }
  if (name === '--version' || name === 'version') return printVersions(output, rest);
  const wanted = name === 'help' ? rest[0] : name;
  const command = commands.find((candidate) => candidate.name === wanted);
  if (!command) throw new UsageError(unknown(wanted ?? ''));
  if (name === 'help' || asksForHelp(rest)) {
    printCommandHelp(output.report, command);
    return ExitCode.done;
  }
  try {
    return await command.start(rest, output);
  } catch (error) {
    if (error instanceof UsageError) error.message += `\nktls ${command.name} --help tells what there is.`;
    throw error;
  }
}

function printVersions(output: Output, words: readonly string[]): number {
  const { ktls, openssl, node } = versions();
  if (words.includes('--json')) output.json({ ktls, openssl, node });
  else output.report.line(`ktls ${ktls} (OpenSSL ${openssl}, Node.js ${node})`);
  return ExitCode.done;
}

/** What follows `--` are not options. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? words.length : end).some((word) => word === '--help' || word === '-h');
}

function unknown(name: string): string {
  const kind = name.startsWith('-') ? 'option' : 'command';
  const near = nearest(
    name,
    commands.map((command) => command.name),
  );
  const advice = near ? `Did you mean: ktls ${near}` : 'ktls --help lists the commands.';
  return `there is no ${kind} '${name}'\n${advice}`;
}

/** Tells what went wrong; the exit code. */
function explain(error: unknown, { notes }: Output): number {
  if (error instanceof UsageError) {
    notes.line(`ktls: ${error.message}`);
    return ExitCode.wrongUsage;
  }
  const known = error instanceof CommandError ? error : explainSystemError(error);
  if (known) notes.line([`ktls: ${known.message}`, known.advice].filter(Boolean).join('\n'));
  // A fault of this program: all that can be told helps.
  else notes.line(`ktls: ${error instanceof Error ? error.stack : String(error)}`);
  return ExitCode.failed;
}

// Whoever read the output is gone, as with `ktls … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? ExitCode.done : ExitCode.failed);
});

const output = new Output();
main(process.argv.slice(2), output)
  .catch((error: unknown) => explain(error, output))
  .then((code) => {
    process.exitCode = code;
  });
