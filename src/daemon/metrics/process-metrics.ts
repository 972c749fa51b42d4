import { readdir } from 'node:fs/promises'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { packageVersion } from '../package-version.ts'
import { Counter, Gauge, type Registry } from './prom.ts'

/** Each sample wakes the process up: an idle daemon is to sleep. Shorter delays than this may go unseen. */
const LAG_RESOLUTION_MS = 100
const QUANTILES = [0.5, 0.99, 1] as const
const NS_PER_SECOND = 1e9

/** This process, by the names that Prometheus's own libraries use, and its event loop. Disposing ends the watch over that. */
export function addProcessMetrics(registry: Registry): Disposable {
  const registers = [registry]
  addBuildInfo(registry)
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the daemon.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      setCounter(this, (user + system) / 1e6)
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the daemon.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'process_open_fds',
    help: 'Open files and sockets of the daemon.',
    registers,
    async collect() {
      // One of them is the folder itself.
      this.set((await readdir('/proc/self/fd')).length - 1)
    },
  })
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the daemon was started, since the Unix epoch.',
    registers,
  }).set(Math.round(performance.timeOrigin) / 1000)
  return addEventLoop(registry)
}

function addBuildInfo(registry: Registry): void {
  new Gauge({
    name: 'errand_build_info',
    help: '1; its labels say what runs.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version: packageVersion(), node_version: process.version }, 1)
}

function addEventLoop(registry: Registry): Disposable {
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  lag.enable()
  new Gauge({
    name: 'errand_event_loop_lag_seconds',
    help: 'How late the event loop was since the last scrape, by quantile; 1 is the worst. Less than 0.1 s may go unseen.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of QUANTILES) {
        // What is sampled is the distance of two looks, which are a resolution apart by themselves.
        const lateNs = lag.percentile(quantile * 100) - LAG_RESOLUTION_MS * 1e6
        this.set({ quantile: String(quantile) }, lag.count === 0 ? 0 : Math.max(0, lateNs) / NS_PER_SECOND)
      }
      lag.reset()
    },
  })
  new Counter({
    name: 'errand_event_loop_active_seconds_total',
    help: 'Time in which the event loop was busy: its rate is the share of one core that it can use.',
    registers: [registry],
    collect() {
      setCounter(this, performance.eventLoopUtilization().active / 1000)
    },
  })
  return { [Symbol.dispose]: () => void lag.disable() }
}

/** What is counted elsewhere. */
function setCounter(counter: Counter, total: number): void {
  counter.reset()
  counter.inc(total)
}
