import type { CommandNode } from './command-tree.ts'
import { alternatives, choicesOf, optionsOf, quote, stepsOf } from './shell-cases.ts'

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
      case "$command" in
${nodes.map((node) => `        ${quote(node.path)}) words=${quote(wordsOf(node).join(' '))} ;;`).join('\n')}
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _errand errand
`
}

function row(patterns: readonly string[], action: string): string {
  return patterns.length === 0 ? '' : `    ${alternatives(patterns)}) ${action} ;;`
}

function wordsOf({ commands, options, choices }: CommandNode): string[] {
  return [...commands.flatMap(({ names }) => names), ...choices, ...options.flatMap(({ flags }) => flags)]
}
