import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import type { KtlsMode } from '../index.ts';
import type { Output } from './output.ts';

/** An option of a command: as util.parseArgs takes it, with what help and completion say of it. */
export interface CommandOption extends ParseArgsOptionDescriptor {
  /** In a few words; help aligns them. */
  readonly about: string;
  /** What stands for the value in help, in capitals; of options of type 'string' only. */
  readonly placeholder?: string;
  /** Its value where none follows: only a whole number counts as one then. */
  readonly alone?: string;
  /** What a shell offers as the value: words, or names of files. */
  readonly values?: readonly string[] | 'files';
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

/** What util.parseArgs makes of these options. */
type OptionValues<Options extends CommandOptions> = ReturnType<
  typeof parseArgs<{ options: Options; strict: true; allowPositionals: true }>
>['values'];

/** A subcommand, as it is written down. */
export interface CommandDefinition<Options extends CommandOptions> {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What stands behind `ktls NAME`; '' where there are only options. */
  readonly usage: string;
  /** More than the summary, for help. */
  readonly details?: readonly string[];
  /** Whole command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly options: Options;
  /** What a shell offers as an argument: words, or names of files or folders. None by default. */
  readonly completes?: readonly string[] | 'files' | 'folders';
  /** Resolves to the exit code. Throws {@link UsageError}, {@link CommandError}; a system error is explained, too. */
  run(values: OptionValues<Options>, positionals: readonly string[], output: Output): Promise<number>;
}

/** A subcommand, in the table. */
export interface Command extends Omit<CommandDefinition<CommandOptions>, 'run'> {
  /** Reads the words that follow the command's name, and runs it with them. */
  start(words: readonly string[], output: Output): Promise<number>;
}

/** The exit codes of all commands. */
export const ExitCode = {
  done: 0,
  /** It was understood, and went wrong: the reason is on stderr. */
  failed: 1,
  /** No such command, option or value. */
  wrongUsage: 2,
} as const;

export function command<const Options extends CommandOptions>(definition: CommandDefinition<Options>): Command {
  const { run, ...description } = definition;
  return {
    ...description,
    start(words, output) {
      const { values, positionals } = readWords(definition.options, words);
      return run(values, positionals, output);
    },
  };
}

/** The same option means the same everywhere. */
export const jsonOption: { readonly type: 'boolean'; readonly about: string } = {
  type: 'boolean',
  about: 'print JSON, for programs',
};

const ktlsModes: readonly KtlsMode[] = ['auto', 'prefer', 'off', 'require'];

export const ktlsOption: {
  readonly type: 'string';
  readonly default: string;
  readonly placeholder: string;
  readonly about: string;
  readonly values: readonly string[];
} = {
  type: 'string',
  default: 'auto',
  placeholder: 'MODE',
  about: 'the kernel: auto (where it pays), prefer (wherever it works), off or require',
  values: ktlsModes,
};

/** The value of {@link ktlsOption}. Throws {@link UsageError}. */
export function ktlsMode(value: string): KtlsMode {
  return oneOf('--ktls', value, ktlsModes);
}

function readWords<const Options extends CommandOptions>(
  options: Options,
  words: readonly string[],
): ReturnType<typeof parseArgs<{ options: Options; strict: true; allowPositionals: true }>> {
  try {
    return parseArgs({ args: withValues(options, words), options, strict: true, allowPositionals: true });
  } catch (error) {
    const wrongWords = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    throw wrongWords ? new UsageError(error.message) : error;
  }
}

/** Gives options that stand alone the value that they have then. */
function withValues(options: CommandOptions, words: readonly string[]): string[] {
  const end = words.indexOf('--');
  return words.map((word, at) => {
    const alone = (end < 0 || at < end) && word.startsWith('--') ? options[word.slice(2)]?.alone : undefined;
    return alone === undefined || /^\d+$/.test(words[at + 1] ?? '') ? word : `${word}=${alone}`;
  });
}

/** The words of the command line make no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for did not work out, for a reason that can be told in words: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** What to do about it. */
  readonly advice: string | undefined;

  constructor(message: string, advice?: string) {
    super(message);
    this.advice = advice;
  }
}

/** A whole number from `least` to `most`, as the value of an option. Throws {@link UsageError}. */
export function wholeNumber(option: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new UsageError(`${option} wants a whole number from ${least} to ${most}, not '${value}'`);
}

/** The value of an option that has only a few. Throws {@link UsageError}. */
export function oneOf<const Word extends string>(option: string, value: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw new UsageError(`${option} wants one of ${words.join(', ')}, not '${value}'`);
  return found;
}
