import { once } from 'node:events'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Config } from '../daemon/config/config.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { openLog } from '../daemon/logger.ts'
import { EXIT, SERVE_STATUS } from './exit-status.ts'
import { describeFailure } from './failure.ts'
import { neutralize } from './output/neutralize.ts'
import { ReloadSignal } from './reload-signal.ts'
import { notifyReady } from './service-manager.ts'
import { StopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'

/** What `serve` needs of a daemon. */
export interface ServedDaemon extends AsyncDisposable {
  /** Resolves once it has stopped, whoever asked. Never rejects. */
  readonly stopped: Promise<void>
  /** Why it stopped without being asked. */
  readonly failure?: ErrandError | undefined
  /** Takes up certificates that were renewed. Never rejects. */
  reload(): Promise<void>
  /** Idempotent. Never rejects. */
  stop(): Promise<void>
}

export type OpenDaemon = (config: Config, deps: { readonly log: Log }, signal: AbortSignal) => Promise<ServedDaemon>

/** Runs a daemon until it is told to stop, by a signal or over HTTP. Resolves with the exit status; never rejects. */
export async function serve(flags: ConfigFlags, open: OpenDaemon, terminal: Terminal): Promise<number> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  using hangUp = new ReloadSignal(terminal.signals)
  try {
    const { config } = loadConfig(flags, terminal.host)
    const log = openLog(config.log.level, neutralize)
    using _faults = terminal.onFault((error) => terminal.signals.exit(report(error, terminal, log)))
    const onServing = (): Promise<void> => notifyReady(terminal.host, log)
    return await serveUntilStopped(config, open, { log, hangUp, onServing }, signals.signal).catch((error: unknown) => {
      if (signals.signal.aborted && ErrandError.from(error).code === 'cancelled') return EXIT.ok // asked while opening
      return report(error, terminal, log)
    })
  } catch (error) {
    return report(error, terminal)
  }
}

interface ServeDeps {
  readonly log: Log
  readonly hangUp: ReloadSignal
  /** Never rejects. */
  readonly onServing: () => Promise<void>
}

async function serveUntilStopped(
  config: Config,
  open: OpenDaemon,
  { log, hangUp, onServing }: ServeDeps,
  signal: AbortSignal,
): Promise<number> {
  await using daemon = await open(config, { log }, signal)
  hangUp.listen(() => void daemon.reload())
  await onServing()
  await Promise.race([daemon.stopped, aborted(signal)])
  await daemon.stop()
  if (daemon.failure !== undefined) throw daemon.failure // so that whoever restarts what fails starts another one
  log.info({}, 'stopped')
  return EXIT.ok
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** One sentence for whoever started us; where it happened only for those who debug. */
function report(error: unknown, terminal: Terminal, log?: Log): number {
  const failure = describeFailure(error, { statuses: SERVE_STATUS })
  log?.debug({ err: error }, 'ended by an error')
  terminal.stderr.write(failure.text)
  return failure.status
}
