import type { ErrandClient } from '../client/client.ts'
import { clientClock } from '../client/client-clock.ts'
import { sleep } from '../core/wait.ts'
import type { ContextFlags } from './context/resolve-context.ts'
import { LiveView } from './output/live-view.ts'
import { StopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'
import { withClient } from './with-client.ts'

const PERIOD_MS = 1000

export interface LiveFlags extends ContextFlags {
  readonly once?: boolean
}

/** Shows something of a daemon, on a terminal anew each second until Ctrl-C, elsewhere once. @throws what `look` throws */
export async function showLive(
  flags: LiveFlags,
  terminal: Terminal,
  look: (client: ErrandClient, signal: AbortSignal) => Promise<string>,
): Promise<void> {
  using signals = new StopSignals(terminal.signals, true)
  const { signal } = signals
  await withClient(flags, terminal, async (client) => {
    if (flags.once === true || !terminal.stdout.isTTY) return terminal.stdout.write(await look(client, signal))
    using view = new LiveView(terminal.stdout)
    for (;;) {
      view.show(await look(client, signal))
      await sleep(clientClock, PERIOD_MS, signal)
    }
  }).catch((error: unknown) => {
    // To end it is how one leaves it.
    if (!signal.aborted) throw error
  })
}
