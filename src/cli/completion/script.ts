import type { Command } from 'commander'
import { bashScript } from './bash.ts'
import { type CommandNode, commandTree } from './command-tree.ts'
import { fishScript } from './fish.ts'
import { zshScript } from './zsh.ts'

export type Shell = 'bash' | 'zsh' | 'fish'

const SCRIPTS: Record<Shell, (nodes: readonly CommandNode[]) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** What a shell is to read so that it completes the commands and options of a program. */
export function completionScript(shell: Shell, program: Command): string {
  return SCRIPTS[shell](commandTree(program))
}
