import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually } from '../support/containers.ts'
import { Executions } from '../support/executions.ts'
import { PrivateEngine } from '../support/private-engine.ts'

const options = { timeout: 120_000 }
const image = await ensureImage('busybox')

describe('an execution', options, () => {
  let engine: PrivateEngine
  let on: Executions
  before(async () => {
    engine = await PrivateEngine.start({ images: [image] })
    on = await Executions.on(engine, image, ['images.pull=never'])
  })
  afterEach(() => on.assertEnded())
  after(async () => {
    await using _engine = engine
    await on[Symbol.asyncDispose]()
  })

  test('F36: gets another name when somebody else has its own, and leaves that one alone', async () => {
    const foreign = on.container('mine')
    await engine.docker('create', '--name', foreign, '--network', 'none', image, 'true')
    await on.submit('exit 3', { executionId: 'mine' })
    assert.equal(await on.end('mine'), 'failed/exit_nonzero 3')
    await eventually(async () => (await engine.docker('ps', '--all', '--format', '{{.Names}}')).trim() === foreign)
    await engine.docker('rm', foreign)
  })

  test('F38: is refused where its runtime is not there, and leaves no record', async () => {
    const refused = on.submit('true', { executionId: 'refused', isolation: 'microvm' })
    await assert.rejects(refused, { code: 'runtime_unavailable' })
    await assert.rejects(on.info('refused'), { code: 'not_found' })
  })

  test('F37: gets its network anew after somebody has removed that', async () => {
    const withNetwork = { network: 'internal' } as const
    assert.equal(await on.end(await on.submit('true', withNetwork)), 'succeeded/ 0')
    const filter = `label=dev.errand.installation=${on.node.installation}`
    const networks = await engine.docker('network', 'ls', '--quiet', '--filter', filter)
    for (const network of networks.split('\n').filter(Boolean)) await engine.docker('network', 'rm', network)
    assert.equal(await on.end(await on.submit('true', withNetwork)), 'succeeded/ 0')
  })

  test('F35: runs on without the name of its image; the next one that asks for that fails', async () => {
    const id = await on.begin('echo up; sleep 2; exit 4')
    await engine.docker('rmi', '--force', image)
    assert.equal(await on.end(id), 'failed/exit_nonzero 4')
    assert.equal(await on.end(await on.submit('true')), 'failed/image_not_found -1')
  })
})
