import type { ErrandClient } from '../client/client.ts'
import { ErrandError } from '../core/errors.ts'
import type { ContextFlags } from './context/resolve-context.ts'
import { neutralize } from './output/neutralize.ts'
import type { Terminal } from './terminal.ts'
import { withClient } from './with-client.ts'

/** Does something for each id, and prints those that it was done for. All are tried; the first failure is thrown in the end. */
export async function forEach(
  ids: readonly string[],
  flags: ContextFlags,
  terminal: Terminal,
  act: (client: ErrandClient, id: string) => Promise<unknown>,
): Promise<void> {
  await withClient(flags, terminal, async (client) => {
    const failures: ErrandError[] = []
    for (const id of ids) {
      try {
        await act(client, id)
        terminal.stdout.write(`${id}\n`)
      } catch (thrown) {
        failures.push(ErrandError.from(thrown))
      }
    }
    const [first, ...others] = failures
    for (const { message } of others) terminal.stderr.write(`errand: ${neutralize(message)}\n`)
    if (first !== undefined) throw first
  })
}
