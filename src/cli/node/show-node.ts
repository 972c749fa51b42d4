import { type LiveFlags, showLive } from '../live.ts'
import { jsonText } from '../output/json.ts'
import type { Terminal } from '../terminal.ts'
import { describeNode } from './node-report.ts'

export interface NodeFlags extends LiveFlags {
  readonly json?: boolean
}

/** Shows what the node is, offers and uses. */
export async function showNode({ json, ...flags }: NodeFlags, terminal: Terminal): Promise<void> {
  const { stdout } = terminal
  await showLive({ ...flags, once: json === true || flags.once === true }, terminal, async ({ node }, signal) => {
    const view = await node.get({ signal })
    return json === true ? `${jsonText(view, 2)}\n` : describeNode(view, stdout)
  })
}
