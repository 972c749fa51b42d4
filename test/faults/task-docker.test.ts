import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually, onlyContainer } from '../support/containers.ts'
import { docker, type MecaAnswer, type TestDaemon } from '../support/daemon.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'
import { addressOf } from '../support/puppet.ts'
import { scale } from '../support/scale.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const options = { timeout: 600_000 }
const SMALL = { cpu: 0.5, mem: 64 }
const NO_LEASES = { cpuMillis: 0, memoryBytes: 0, gpus: 0 }

interface InFlight {
  readonly answer: Promise<MecaAnswer>
  readonly container: string
}

/** A request that its task has taken and does not answer. */
async function hangIn(node: TestDaemon): Promise<InFlight> {
  const answer = node.execute({ id: await ensureTask('talk'), resource: SMALL, input: say({ order: 'hang' }) })
  await eventually(async () => {
    const [container] = await node.containers()
    return container !== undefined && (await docker('logs', container).catch(() => '')).includes('hanging')
  })
  return { answer, container: await onlyContainer(node) }
}

/** What the task says about a request proves that it answers. */
async function assertAnswers(node: TestDaemon, mem = SMALL.mem): Promise<void> {
  const order = say({ order: 'status', status: 200, body: `alive ${mem}` })
  const { success, msg } = await node.execute({
    id: await ensureTask('talk'),
    resource: { cpu: 0.5, mem },
    input: order,
  })
  assert.deepEqual([success, msg], [true, `alive ${mem}`])
}

async function assertEmpties(tested: TestDaemon): Promise<void> {
  const { node } = tested.daemon
  await node.pause()
  await node.unpause()
  assert.deepEqual(await tested.containers(), [])
  assert.deepEqual(node.stats().leased, NO_LEASES)
}

/** Stops every process of a container, as no engine call does: it still runs, and answers nothing. */
async function stopProcesses(container: string): Promise<void> {
  const pids = (await docker('top', container, '-eo', 'pid')).split('\n').slice(1).map(Number)
  assert.ok(pids.length > 0 && pids.every((pid) => pid > 1))
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
}

describe('an instance that is removed by hand', options, () => {
  test('F33: answers its request with task_gone, not with an exit code; the next one gets a new instance', async () => {
    await using node = await startFaultDaemon()
    const { answer, container } = await hangIn(node)
    await docker('rm', '--force', container)
    const { code, details } = await answer
    assert.deepEqual([code, details], ['task_gone', undefined])
    await assertAnswers(node)
    assert.notEqual(await onlyContainer(node), container)
    await assertEmpties(node)
  })

  test('F33: while idle is replaced by the next request, which notices nothing', async () => {
    await using node = await startFaultDaemon()
    await assertAnswers(node)
    for (let round = 0; round < scale(3, 30); round += 1) {
      const container = await onlyContainer(node)
      await docker('rm', '--force', container)
      await assertAnswers(node)
      assert.notEqual(await onlyContainer(node), container)
    }
    await assertEmpties(node)
  })

  test('F33: is not mistaken for one that was killed', async () => {
    await using node = await startFaultDaemon()
    const { answer, container } = await hangIn(node)
    await docker('kill', container)
    const { code, details } = await answer
    assert.deepEqual([code, details?.exitCode], ['task_exited', 137])
    await eventually(async () => (await node.containers()).length === 0)
    await assertEmpties(node)
  })

  test('F33: leaves its address to another task, whose caller gets that one’s answer', async () => {
    await using node = await startFaultDaemon()
    const { answer, container } = await hangIn(node)
    const address = await addressOf(container)
    await docker('rm', '--force', container)
    await assertAnswers(node, 65)
    assert.equal(await addressOf(await onlyContainer(node)), address)
    assert.equal((await answer).code, 'task_gone')
    await assertAnswers(node, 65)
    await assertEmpties(node)
  })
})

test(
  'F63: an instance whose processes are stopped is given up at the deadline, probed and replaced',
  options,
  async () => {
    await using node = await startFaultDaemon({ settings: ['tasks.requestTimeoutMs=8000'] })
    await assertAnswers(node)
    const stuck = await onlyContainer(node)
    await stopProcesses(stuck)
    const input = say({ order: 'describe' })
    assert.equal(
      (await node.execute({ id: await ensureTask('talk'), resource: SMALL, input })).code,
      'deadline_exceeded',
    )
    // No answer to the probe either.
    await eventually(async () => !(await node.containers()).includes(stuck))
    await assertAnswers(node)
    await assertEmpties(node)
  },
)

test('F54: a task that listens on another port is not_ready, and nothing of it is left', options, async () => {
  const serve = "require('http').createServer().listen(9090, () => console.log('meca-init-done'))"
  const id = await ensureTask('talk', [`CMD ["node", "-e", ${JSON.stringify(serve)}]`])
  await using node = await startFaultDaemon({ settings: ['tasks.startTimeoutMs=5000'] })
  const { code, details } = await node.execute({ id, resource: SMALL, input: '' })
  assert.deepEqual([code, details?.log], ['not_ready', 'meca-init-done\n'])
  await assertEmpties(node)
})

test('F66: requests that race with the reaper are all answered', options, async () => {
  const KEEP_ALIVE_MS = 60
  await using node = await startFaultDaemon({
    settings: [`timeout=${KEEP_ALIVE_MS / 60_000}`, 'resources.cpuOvercommit=4'],
  })
  const id = await ensureImage('hello-node')
  const rounds = scale(100, 1000) / 4
  const race = async (mem: number): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      const { success, msg } = await node.execute({ id, resource: { cpu: 0.5, mem }, input: `${mem} ${round}` })
      assert.deepEqual([success, msg.includes(`${mem} ${round}`)], [true, true], msg)
      // Around the moment of the removal, now a little before and now a little after it.
      await sleep(KEEP_ALIVE_MS * (0.7 + Math.random() * 0.4))
    }
  }
  await Promise.all([64, 65, 66, 67].map(race))
  await assertEmpties(node)
})
