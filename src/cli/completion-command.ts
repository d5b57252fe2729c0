import { type Command, command, ExitCode, UsageError } from './command.ts';
import { completionScript, shells } from './completion.ts';

/** `commands` is asked when the command runs: it is itself one of them. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return command({
    name: 'completion',
    summary: 'Print what makes a shell complete the commands and options',
    usage: shells.join('|'),
    examples: [
      ["echo 'source <(ktls completion bash)' >> ~/.bashrc", 'bash'],
      ["echo 'source <(ktls completion zsh)' >> ~/.zshrc", 'zsh, after compinit'],
      ['ktls completion fish > ~/.config/fish/completions/ktls.fish', 'fish'],
    ],
    options: {},
    completes: shells,
    async run(_values, positionals, output) {
      const [name, ...more] = positionals;
      const shell = shells.find((known) => known === name);
      if (shell === undefined || more.length > 0) {
        throw new UsageError(`completion wants the name of one shell: ${shells.join(', ')}`);
      }
      output.stdout.write(completionScript(shell, commands()));
      return ExitCode.done;
    },
  });
}
