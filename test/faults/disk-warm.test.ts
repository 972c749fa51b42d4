import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { type Attack, attack, attackRequest } from '../support/attack.ts'
import type { MecaAnswer } from '../support/daemon.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'

/** An image that is missing is built first. */
const options = { timeout: 600_000 }
const LIMIT_MIB = 64
const LIMIT_BYTES = LIMIT_MIB * MIB
const LIMIT_FILES = LIMIT_BYTES / 4096
/** Of the task that stays within its limit. With less, what is on its way to the disk can take all the memory. */
const QUIET_MEM = 255

describe('F48: a warm task that fills the disk', options, () => {
  let node: FaultDaemon
  let quiet: string[]
  before(async () => {
    // Nobody is to go for want of room, or of use.
    const settings = [`tasks.diskBytes=${LIMIT_MIB}MiB`, 'timeout=10', 'resources.cpuOvercommit=10']
    node = await startFaultDaemon({ settings })
    const half = { order: 'write', path: '/half', mebibytes: LIMIT_MIB / 2 } as const
    assert.deepEqual(await attack(node, half, QUIET_MEM), { times: LIMIT_MIB / 2, code: 'ENOUGH' })
    quiet = await node.containers()
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
  })

  for (const [title, mem, order, isTold] of [
    ['with one large file', 256, { order: 'write', path: '/bomb', mebibytes: 100 }, isTooLarge],
    ['with a sparse file of 1 TiB', 257, { order: 'stretch', path: '/bomb', mebibytes: MIB }, isTooLarge],
    ['with many empty files', 258, { order: 'createFiles', folder: '/bombs', most: 20_000 }, isTooMany],
    ['with a file that it has deleted', 259, { order: 'writeHidden', path: '/bomb', mebibytes: 100 }, isTooLarge],
  ] as const) {
    test(`${title} is killed, its request told why, and the next one answered by another instance`, async () => {
      const answer = await bomb(node, order, mem)
      assert.equal(answer.code, 'task_exited', answer.msg)
      assert.match(answer.msg, /it wrote more to its disk than its limit/)
      const { reason, exitCode, diskLimitBytes, diskLimitFiles } = answer.details ?? {}
      assert.deepEqual(
        [reason, exitCode, diskLimitBytes, diskLimitFiles],
        ['disk_limit', 137, LIMIT_BYTES, LIMIT_FILES],
      )
      isTold(answer.details ?? {})
      assert.equal(await attack(node, { order: 'nothing' }, mem), 'here')
    })
  }

  test('again and again ends in crash_loop, and each time is logged once', async () => {
    const mem = 260
    const order = { order: 'write', path: '/bomb', mebibytes: 100 } as const
    const told = deaths(node)
    for (let round = 0; round < 3; round += 1) assert.equal((await bomb(node, order, mem)).code, 'task_exited')
    const { code, details } = await bomb(node, order, mem)
    assert.deepEqual([code, details?.reason], ['crash_loop', 'disk_limit'])
    assert.equal(deaths(node) - told, 3)
  })

  test('leaves one alone that keeps within its limit', async () => {
    assert.deepEqual(await attack(node, { order: 'exists', paths: ['/half'] }, QUIET_MEM), ['/half'])
    const containers = await node.containers()
    assert.ok(quiet.every((name) => containers.includes(name)))
  })
})

/** Does it, and waits for an answer that the task does not give. */
async function bomb(node: FaultDaemon, order: Attack, mem: number): Promise<MecaAnswer> {
  return node.execute(await attackRequest({ ...order, isSilent: true }, mem))
}

function isTooLarge({ diskUsedBytes }: Record<string, unknown>): void {
  assert.ok(Number(diskUsedBytes) > LIMIT_BYTES, String(diskUsedBytes))
}

function isTooMany({ diskUsedFiles }: Record<string, unknown>): void {
  assert.ok(Number(diskUsedFiles) > LIMIT_FILES, String(diskUsedFiles))
}

function deaths(node: FaultDaemon): number {
  return node.log.lines.filter((line) => JSON.stringify(line).includes('it wrote more to its disk')).length
}
