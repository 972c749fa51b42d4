import assert from 'node:assert/strict'
import { cpus, totalmem } from 'node:os'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { HostFolder } from './host-folder.fixture.ts'
import { HOST_ROOTS, HostMonitor } from './host-monitor.ts'

/** A host of two CPUs whose time passes with the clock's, at the share of busy CPU that the test says. */
class SimulatedHost implements Disposable {
  readonly folder: HostFolder = new HostFolder()
  readonly clock: ManualClock = new ManualClock()
  readonly monitor: HostMonitor
  #busy = 1_000
  #idle = 500_000
  #ownMs = 0

  constructor() {
    this.folder.writeTicks(this.#busy, this.#idle)
    this.folder.writeMemory(1_000, 400)
    this.folder.write('proc/7/cgroup', '0::/docker/ours\n')
    this.folder.write('cgroup/docker/ours/cpu.stat', 'usage_usec 0\n')
    this.monitor = HostMonitor.open({ clock: this.clock, roots: this.folder })
  }

  /** `busy` and `own` are shares of both CPUs, all together and of them ours. */
  async pass(seconds: number, busy: number, own = 0): Promise<void> {
    for (let half = 0; half < seconds * 2; half++) {
      this.#busy += 100 * busy
      this.#idle += 100 * (1 - busy)
      this.#ownMs += 1_000 * own
      this.folder.writeTicks(this.#busy, this.#idle)
      this.folder.write('cgroup/docker/ours/cpu.stat', `usage_usec ${this.#ownMs * 1000}\n`)
      await this.clock.advance(500)
    }
  }

  [Symbol.dispose](): void {
    this.monitor[Symbol.dispose]()
    this.folder[Symbol.dispose]()
  }
}

test('memory is what the kernel says at the time of the question', () => {
  using host = new SimulatedHost()
  assert.equal(host.monitor.capacity.memoryBytes, 1_000 * 1024)
  assert.equal(host.monitor.hostFree().memoryBytes, 400 * 1024)
  assert.equal(host.monitor.memoryUsed(), 0.6)
  host.folder.writeMemory(1_000, 100)
  assert.equal(host.monitor.hostFree().memoryBytes, 100 * 1024)
})

test('free CPU is unknown until the host was watched for five seconds', async () => {
  using host = new SimulatedHost()
  assert.equal(host.monitor.hostFree().cpuMillis, undefined)
  await host.pass(4, 0.5)
  assert.equal(host.monitor.hostFree().cpuMillis, undefined)
  await host.pass(1, 0.5)
  assert.equal(host.monitor.hostFree().cpuMillis, 1000)
})

test('what instances of ours use does not make the host busy', async () => {
  using host = new SimulatedHost()
  host.monitor.track('i-1', 7)
  await host.pass(10, 0.75, 0.5)
  assert.equal(host.monitor.hostFree().cpuMillis, 1500)
})

test('what an instance used is still ours after it is gone', async () => {
  using host = new SimulatedHost()
  host.monitor.hostFree()
  host.monitor.track('i-1', 7)
  await host.pass(5, 0.5, 0.5)
  host.monitor.untrack('i-1')
  host.folder.remove('cgroup/docker')
  assert.equal(host.monitor.hostFree().cpuMillis, 2000)
})

test('an instance whose cgroup cannot be read counts as zero', async () => {
  using host = new SimulatedHost()
  host.monitor.track('i-1', 4711)
  await host.pass(10, 0.25)
  assert.equal(host.monitor.hostFree().cpuMillis, 1500)
})

test('the mean reaches back about ten seconds and no further', async () => {
  using host = new SimulatedHost()
  host.monitor.track('i-1', 7)
  await host.pass(60, 1)
  assert.equal(host.monitor.hostFree().cpuMillis, 0)
  await host.pass(13, 0)
  assert.equal(host.monitor.hostFree().cpuMillis, 2000)
})

test('a time without watching says nothing of now', async () => {
  using host = new SimulatedHost()
  await host.pass(60, 1)
  assert.equal(host.monitor.hostFree().cpuMillis, undefined)
  await host.pass(5, 0)
  assert.equal(host.monitor.hostFree().cpuMillis, 2000)
})

test('an idle monitor polls nothing; a question or an instance starts it, and it ends with them', async () => {
  using host = new SimulatedHost()
  assert.equal(host.clock.pendingTimers, 0)
  host.monitor.cpuUsed()
  assert.equal(host.clock.pendingTimers, 1)
  await host.clock.advance(12_500)
  assert.equal(host.clock.pendingTimers, 0)
  host.monitor.track('i-1', 7)
  await host.clock.advance(600_000)
  assert.equal(host.clock.pendingTimers, 1)
  host.monitor.untrack('i-1')
  await host.clock.advance(2_500)
  assert.equal(host.clock.pendingTimers, 0)
})

test('the CPU in use is that since the monitor was opened or later, never since the host booted', async () => {
  using host = new SimulatedHost()
  assert.equal(host.monitor.cpuUsed(), 0)
  await host.pass(0.5, 0.5)
  assert.equal(host.monitor.cpuUsed(), 0.5)
  await host.pass(10, 0.25)
  assert.equal(host.monitor.cpuUsed(), 0.25)
})

test('files that cannot be read for a while leave the last known answer', async () => {
  using host = new SimulatedHost()
  await host.pass(1, 0.5)
  host.folder.remove('proc')
  assert.equal(host.monitor.cpuUsed(), 0)
  assert.equal(host.monitor.hostFree().memoryBytes, 400 * 1024)
})

test('a host that does not look like Linux is refused when opening', () => {
  using folder = new HostFolder()
  folder.write('proc/stat', 'hello\n')
  folder.write('proc/meminfo', 'MemTotal: 5 kB\n')
  assert.throws(() => HostMonitor.open({ clock: new ManualClock(), roots: folder }), { code: 'unsupported' })
  folder.writeMemory(5, 5)
  assert.throws(() => HostMonitor.open({ clock: new ManualClock(), roots: folder }), { code: 'unsupported' })
})

test('the real host is plausible', () => {
  using monitor = HostMonitor.open({ clock: systemClock, roots: HOST_ROOTS })
  assert.equal(monitor.capacity.cpuMillis, cpus().length * 1000)
  assert.equal(monitor.capacity.memoryBytes, totalmem())
  const { memoryBytes } = monitor.hostFree()
  assert.ok(memoryBytes > 0 && memoryBytes < monitor.capacity.memoryBytes)
  for (const used of [monitor.cpuUsed(), monitor.memoryUsed()]) assert.ok(used >= 0 && used <= 1)
})
