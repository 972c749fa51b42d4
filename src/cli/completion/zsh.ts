import type { CommandNode } from './command-tree.ts'
import { alternatives, askingOf, COMPLETE, choicesOf, optionsOf, quote, stepsOf } from './shell-cases.ts'

export function zshScript(nodes: readonly CommandNode[]): string {
  return `#compdef errand
# zsh completion of errand: source <(errand completion zsh), or a file _errand in a folder of $fpath
_errand() {
  local command=errand word
  local -a rows
  for word in "\${(@)words[2,CURRENT - 1]}"; do
    case "$command $word" in
${stepsOf(nodes)
  .map(({ patterns, path }) => `      (${alternatives(patterns)}) command=${quote(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$command \${words[CURRENT - 1]}" in
${row(optionsOf(nodes, 'file'), '_files; return')}
${row(optionsOf(nodes, 'folder'), '_files -/; return')}
${row(optionsOf(nodes, 'text'), 'return')}
${choicesOf(nodes)
  .map(({ patterns, choices }) => row(patterns, `compadd -- ${choices.map(quote).join(' ')}; return`))
  .join('\n')}
  esac
  if [[ $PREFIX != -* ]]; then
    case "$command" in
  ${row(askingOf(nodes), '_errand_ask && return')}
    esac
  fi
  case "$command" in
${nodes.map((node) => `    (${quote(node.path)}) rows=(${rowsOf(node).map(quote).join(' ')}) ;;`).join('\n')}
  esac
  _describe -o errand rows
}
# Asks a node what it knows.
_errand_ask() {
  local -a names
  names=("\${(@f)$("\${(Q)words[1]}" ${COMPLETE} -- "$PREFIX" "\${(@Q)words[2,CURRENT - 1]}" 2> /dev/null)}")
  names=("\${(@)names:#}")
  (( $#names )) && compadd -- "\${(@)names}"
}
if [[ "$funcstack[1]" == _errand ]]; then _errand "$@"; else compdef _errand errand; fi
`
}

function row(patterns: readonly string[], action: string): string {
  return patterns.length === 0 ? '' : `    (${alternatives(patterns)}) ${action} ;;`
}

/** NAME:DESCRIPTION */
function rowsOf({ commands, options, choices }: CommandNode): string[] {
  return [
    ...commands.flatMap(({ names, description }) => names.map((name) => `${name}:${description}`)),
    ...choices,
    ...options.flatMap(({ flags, description }) => flags.map((flag) => `${flag}:${description}`)),
  ]
}
