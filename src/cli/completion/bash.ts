import type { CommandNode } from './command-tree.ts'
import { alternatives, askingOf, COMPLETE, choicesOf, optionsOf, quote, stepsOf } from './shell-cases.ts'

/** Needs nothing but bash 4: not the package bash-completion. */
export function bashScript(nodes: readonly CommandNode[]): string {
  return `# bash completion of errand: source <(errand completion bash)
_errand() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=errand words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
${stepsOf(nodes)
  .map(({ patterns, path }) => `      ${alternatives(patterns)}) command=${quote(path)} ;;`)
  .join('\n')}
    esac
  done
  [[ $cur == = ]] && cur=''
  [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD - 2]}
  COMPREPLY=()
  case "$command $prev" in
${row(optionsOf(nodes, 'file'), 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return')}
${row(optionsOf(nodes, 'folder'), 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return')}
${row(optionsOf(nodes, 'text'), 'return')}
${choicesOf(nodes)
  .map(({ patterns, choices }) => row(patterns, `words=${quote(choices.join(' '))}`))
  .join('\n')}
    *)
      if [[ $cur != -* ]]; then
        case "$command" in
${row(askingOf(nodes), '_errand_ask && return', 10)}
        esac
      fi
      case "$command" in
${nodes.map((node) => `        ${quote(node.path)}) words=${quote(wordsOf(node).join(' '))} ;;`).join('\n')}
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
# Asks a node what it knows, and fails without an answer. Of the line itself, since bash takes an address apart at its colons; what comes is not expanded.
_errand_ask() {
  local line
  read -ra line <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ -n $cur && \${#line[@]} -gt 0 ]] && unset "line[\${#line[@]}-1]"
  mapfile -t COMPREPLY < <("\${line[0]}" ${COMPLETE} -- "$cur" "\${line[@]:1}" 2> /dev/null)
  (( \${#COMPREPLY[@]} ))
}
complete -F _errand errand
`
}

function row(patterns: readonly string[], action: string, indent = 4): string {
  return patterns.length === 0 ? '' : `${' '.repeat(indent)}${alternatives(patterns)}) ${action} ;;`
}

function wordsOf({ commands, options, choices }: CommandNode): string[] {
  return [...commands.flatMap(({ names }) => names), ...choices, ...options.flatMap(({ flags }) => flags)]
}
