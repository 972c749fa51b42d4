import { Argument, type Command } from 'commander'
import type { Shell } from '../completion/script.ts'
import { COMPLETE } from '../completion/shell-cases.ts'
import type { CommandContext } from './command-context.ts'

/** Somebody has pressed a key, and waits. */
const WITHIN_MS = 400

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish']

export function addCompletion(program: Command, context: CommandContext): void {
  addScript(program, context)
  addComplete(program, context)
}

function addScript(program: Command, { terminal }: CommandContext): void {
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

/** What the scripts call, where a node knows how a word may go on. */
function addComplete(program: Command, { terminal }: CommandContext): void {
  program
    .command(`${COMPLETE} <current> [words...]`, { hidden: true })
    .option('--within <ms>', 'how long the node is waited for', Number, WITHIN_MS)
    .passThroughOptions()
    .action(async (current: string, words: readonly string[], { within }: { readonly within: number }) => {
      const { completeNames } = await import('../completion/complete-names.ts')
      await completeNames(program, { current, words, withinMs: within }, terminal)
    })
}

const EXAMPLES = `
Examples:
  source <(errand completion bash)                  (in ~/.bashrc)
  source <(errand completion zsh)                   (in ~/.zshrc)
  errand completion fish | source                   (in config.fish)`
