import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { type Attack, answerOf, ensureAttack } from '../support/attack.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { gvisorRuntime } from '../support/gvisor.ts'
import { PrivateEngine } from '../support/private-engine.ts'

// gVisor stands for a micro-VM: a kernel of its own between the task and that of this host. Kata is not to be had here.

/** An image that is missing is built first. */
const options = { timeout: 300_000 }
const ALLOWED = 'isolation.runtimes={runsc: {allowUnenforced: true}}'

describe('a task that asks for runtime microVM', options, () => {
  let engine: PrivateEngine
  let image: string
  before(async () => {
    image = await ensureAttack()
    engine = await PrivateEngine.start({ images: [image], runtimes: { runsc: await gvisorRuntime() } })
  })
  after(async () => engine[Symbol.asyncDispose]())

  async function open(...more: string[]): Promise<FaultDaemon> {
    const settings = [engine.setting, 'microVM_runtime=runsc', ...more]
    return startFaultDaemon({ settings, engineSocket: engine.socketPath })
  }

  const body = (order: Attack, runtime: string): object => ({
    id: image,
    resource: { cpu: 0.5, mem: 64 },
    runtime,
    input: JSON.stringify(order),
  })

  test("runs on a kernel that is not the host's, beside one in a container of the same image", async () => {
    await using node = await open(ALLOWED)
    const version = async (runtime: string): Promise<unknown> =>
      answerOf(await node.execute(body({ order: 'read', path: '/proc/version' }, runtime)))
    const host = await readFile('/proc/version', 'utf8')
    assert.match(String(await version('microVM')), /^Linux version 4\.4\.0/)
    assert.equal(await version('container'), host, 'control')
    const names = await node.containers()
    const runtimes = await Promise.all(
      names.map((name) => engine.docker('inspect', '--format', '{{.HostConfig.Runtime}}', name)),
    )
    assert.deepEqual(runtimes.toSorted(), ['runc', 'runsc'])
  })

  test('has no unix socket, which does not join two kernels, and is served by its port', async () => {
    await using node = await open(ALLOWED)
    const environment = answerOf(await node.execute(body({ order: 'environment' }, 'microVM'))) as Record<
      string,
      string
    >
    assert.equal(environment.ERRAND_SOCKET, undefined)
    assert.equal(environment.NVIDIA_VISIBLE_DEVICES, 'void')
  })

  test('A25: is refused where the runtime ignores limits and the operator has not accepted that', async () => {
    await using node = await open()
    const { success, code, msg } = await node.execute(body({ order: 'nothing' }, 'microVM'))
    assert.deepEqual([success, code], [false, 'runtime_unavailable'])
    assert.match(msg, /isolation\.runtimes\.runsc\.allowUnenforced/)
    assert.deepEqual(await node.containers(), [])
  })

  test('A25: and rightly so: where it is accepted, a task takes more memory than it was given', async () => {
    await using node = await open(ALLOWED)
    const order = { order: 'takeMemory', mebibytes: 200 } as const
    assert.deepEqual(answerOf(await node.execute(body(order, 'microVM'))), { times: 200, code: 'ENOUGH' })
    assert.equal((await node.execute(body(order, 'container'))).code, 'task_exited', 'control: runc keeps it')
  })
})
