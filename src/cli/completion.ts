import type { Command, CommandOption } from './command.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** A script that makes a shell complete the command line of `ktls`, from the table of commands. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return scripts[shell](commands);
}

const scripts: Readonly<Record<Shell, (commands: readonly Command[]) => string>> = { bash, zsh, fish };

/** bash 4 and later, without the package bash-completion. */
function bash(commands: readonly Command[]): string {
  const cases = commands.map(({ name, options, completes }) => {
    const values = valueOptions(options).map(([long, option]) => `      --${long}) ${bashReply(option.values)} ;;`);
    return [
      `    ${name})`,
      `      case "$previous" in`,
      ...values.map((line) => line.replace(' ;;', '; return ;;')),
      `      esac`,
      `      if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W '${longNames(options)}' -- "$word")); return; fi`,
      `      ${bashReply(completes)} ;;`,
    ].join('\n');
  });
  return `# bash completion of ktls: source <(ktls completion bash)
_ktls() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${[...commands.map(({ name }) => name), '--help', '--version'].join(' ')}' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
}
complete -F _ktls ktls
`;
}

function bashReply(values: Command['completes'] | CommandOption['values']): string {
  if (values === undefined) return ':';
  if (values === 'files') return `compopt -o filenames; COMPREPLY=($(compgen -f -- "$word"))`;
  if (values === 'folders') return `compopt -o filenames; COMPREPLY=($(compgen -d -- "$word"))`;
  return `COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$word"))`;
}

/** To be sourced, or as a file `_ktls` in $fpath: then it is itself called as the function. */
function zsh(commands: readonly Command[]): string {
  const cases = commands.map(({ name, options, completes }) => {
    const specs = [
      ...Object.entries(options).map(([long, option]) => zshOption(long, option)),
      `'(- *)'{-h,--help}'[this]'`,
      ...(completes === undefined ? [] : [`'*:argument:${zshAction(completes)}'`]),
    ];
    return `        ${name})\n          _arguments ${specs.join(' \\\n            ')} ;;`;
  });
  return `#compdef ktls
# zsh completion of ktls: source <(ktls completion zsh)
_ktls() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  local state
  _arguments -C '1:command:->command' '*::argument:->argument' '--help[how to use it]' '--version[versions]'
  case "$state" in
    command) _describe command commands ;;
    argument)
      case "\${words[1]}" in
${cases.join('\n')}
      esac ;;
  esac
}
if [[ "\${funcstack[1]}" == _ktls ]]; then _ktls "$@"; else compdef _ktls ktls; fi
`;
}

function zshOption(long: string, { about, multiple, placeholder, type, values }: CommandOption): string {
  const said = about.replaceAll(/([[\]:\\])/g, '\\$1');
  const value = type === 'string' ? `:${placeholder ?? 'VALUE'}:${zshAction(values)}` : '';
  return quoted(`${multiple ? '*' : ''}--${long}[${said}]${value}`);
}

function zshAction(values: Command['completes'] | CommandOption['values']): string {
  if (values === undefined) return ' ';
  if (values === 'files') return '_files';
  return values === 'folders' ? '_files -/' : `(${values.join(' ')})`;
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap(({ name, summary, options, completes }) => {
    const here = `complete -c ktls -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c ktls -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
      ...Object.entries(options).map(([long, { about, type, values }]) =>
        [`${here} -l ${long} -d ${quoted(about)}`, type === 'string' ? fishValue(values) : ''].join(' ').trimEnd(),
      ),
      `${here} -s h -l help -d 'how to use it'`,
      ...(completes === undefined ? [] : [`${here} ${fishArgument(completes)}`]),
    ];
  });
  return `# fish completion of ktls: ktls completion fish > ~/.config/fish/completions/ktls.fish
complete -c ktls -f
complete -c ktls -n __fish_use_subcommand -s h -l help -d 'how to use it'
complete -c ktls -n __fish_use_subcommand -l version -d versions
${lines.join('\n')}
`;
}

function fishValue(values: CommandOption['values']): string {
  if (values === undefined) return '-x';
  return values === 'files' ? '-r -F' : `-x -a ${quoted(values.join(' '))}`;
}

function fishArgument(completes: NonNullable<Command['completes']>): string {
  if (completes === 'files') return '-F';
  return completes === 'folders' ? `-a '(__fish_complete_directories)'` : `-a ${quoted(completes.join(' '))}`;
}

function valueOptions(options: Command['options']): [string, CommandOption][] {
  return Object.entries(options).filter(([, { type }]) => type === 'string');
}

function longNames(options: Command['options']): string {
  return [...Object.keys(options), 'help'].map((long) => `--${long}`).join(' ');
}

/** In single quotes, for all three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
