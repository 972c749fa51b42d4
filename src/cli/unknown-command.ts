import type { Command } from 'commander'

/**
 * Has words that name no command told as such. Without that a command that does something by itself has too many arguments,
 * and help on what there is not is help on everything. Throws as commander does.
 */
export function refuseUnknown(program: Command, args: readonly string[]): void {
  refuseHelp(program, args)
  for (const command of program.commands) {
    if (command.commands.length > 0) command.allowExcessArguments()
  }
  program.hook('preAction', (_program, command) => {
    const [name] = command.args.slice(command.registeredArguments.length)
    if (name !== undefined && command.commands.length > 0) refuse(command, name)
  })
}

function refuseHelp(program: Command, args: readonly string[]): void {
  let command: Command | undefined = program
  for (const [index, word] of args.entries()) {
    if (word === 'help' && command.commands.length > 0) {
      const topic = args[index + 1]
      const isWord = topic !== undefined && topic !== 'help' && !topic.startsWith('-')
      if (isWord && find(command, topic) === undefined) refuse(command, topic)
      return
    }
    command = find(command, word)
    if (command === undefined) return
  }
}

function find({ commands }: Command, word: string): Command | undefined {
  return commands.find((command) => command.name() === word || command.aliases().includes(word))
}

function refuse(command: Command, name: string): never {
  const path = command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`
  const known = command.commands.map((below) => below.name()).join(', ')
  return command.error(`error: unknown command '${name}': ${path} has ${known}`)
}
