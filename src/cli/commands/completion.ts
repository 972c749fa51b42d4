import { Argument, type Command } from 'commander'
import type { Shell } from '../completion/script.ts'
import type { CommandContext } from './command-context.ts'

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish']

export function addCompletion(program: Command, { terminal }: CommandContext): void {
  program
    .command('completion')
    .description('Print a script by which a shell completes commands.')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: Shell) => {
      const { completionScript } = await import('../completion/script.ts')
      terminal.stdout.write(completionScript(shell, program))
    })
}

const EXAMPLES = `
Examples:
  source <(errand completion bash)                  (in ~/.bashrc)
  source <(errand completion zsh)                   (in ~/.zshrc)
  errand completion fish | source                   (in config.fish)`
