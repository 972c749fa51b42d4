import type { CommandNode, CompletedOption, OptionValue } from './command-tree.ts'
import { COMPLETE, quote, stepsOf } from './shell-cases.ts'

export function fishScript(nodes: readonly CommandNode[]): string {
  return `# fish completion of errand: errand completion fish | source
function __errand_at
  set -l command errand
  for word in (commandline -opc)[2..-1]
    switch "$command $word"
${stepsOf(nodes)
  .map(
    ({ patterns, path }) => `      case ${patterns.map(quoteFish).join(' ')}\n        set command ${quoteFish(path)}`,
  )
  .join('\n')}
    end
  end
  test "$command" = "$argv[1]"
end
# Asks a node what it knows.
function __errand_ask
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  $words[1] ${COMPLETE} -- "$current" $words[2..-1] 2> /dev/null
end
complete -c errand -f
${nodes.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, commands, options, choices, isAsked }: CommandNode): string[] {
  const at = `complete -c errand -n ${quoteFish(`__errand_at "${path}"`)}`
  return [
    ...commands.flatMap(({ names, description }) =>
      names.map((name) => `${at} -a ${quoteFish(name)} -d ${quoteFish(description)}`),
    ),
    ...(choices.length === 0 ? [] : [`${at} -a ${quoteFish(choices.join(' '))}`]),
    ...(isAsked ? [`${at} -a '(__errand_ask)'`] : []),
    ...options.map(
      (option) => `${at} ${namesOf(option)} -d ${quoteFish(option.description)}${valuePart(option.value)}`,
    ),
  ]
}

function namesOf({ flags }: CompletedOption): string {
  return flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')
}

function valuePart(value: OptionValue): string {
  switch (value.kind) {
    case 'none':
      return ''
    case 'text':
      return ' -x'
    case 'file':
      return ' -r -F'
    case 'folder':
      return ` -x -a '(__fish_complete_directories)'`
    case 'choices':
      return ` -x -a ${quoteFish(value.choices.join(' '))}`
    default:
      return value satisfies never
  }
}

/** Unlike others, fish takes a backslash in single quotes as one. */
function quoteFish(text: string): string {
  return quote(text.replaceAll('\\', '\\\\')).replaceAll(`'\\''`, `\\'`)
}
