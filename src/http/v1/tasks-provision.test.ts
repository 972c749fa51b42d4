import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SandboxSpec } from '../../engine/engine.ts'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { openV1Node, problemIn } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }

/** Serves, and keeps what its sandboxes were made of and what the script `seed` was when they began. */
function watched(): FakeScript & { readonly seen: { spec: SandboxSpec; seed: string }[] } {
  const seen: { spec: SandboxSpec; seed: string }[] = []
  return {
    seen,
    listens: 'when ready',
    serve: (_request, response) => response.end('served'),
    run: async (process) => {
      // At once: when it is ready, which it is already, they go.
      const [mount] = process.spec.mounts ?? []
      const source = mount?.kind === 'bind' ? mount.source : ''
      seen.push({ spec: process.spec, seed: readFileSync(join(source, 'scripts/seed'), 'utf8') })
      await process.untilSignal('SIGTERM')
      return 0
    },
  }
}

test('a named task runs its scripts in each instance, and tells of them by name alone', options, async () => {
  const script = watched()
  await using node = await openV1Node({ it: script })
  const token = await node.token('ada', 'read', 'submit')
  const seed = { name: 'seed', content: Buffer.from('echo secret').toString('base64'), encoding: 'base64' }
  const made = await node.call(token, 'PUT /v1/tasks/it', { image: 'it', cmd: ['serve'], provision: [seed] })
  assert.equal(made.status, 201, made.text)
  assert.deepEqual(JSON.parse(made.text).provision, ['seed'])
  assert.ok(!made.text.includes(seed.content))
  const answer = await node.call(token, 'GET /v1/tasks/it/invoke')
  assert.deepEqual([answer.status, answer.text], [200, 'served'])
  assert.equal(script.seen[0]?.seed, 'echo secret')
  assert.deepEqual(script.seen[0]?.spec.process, { cmd: ['serve'], prefix: ['/bin/sh', '/errand/provision/run'] })
  assert.deepEqual(await readdir(join(node.stateDir, 'starting')), [], 'they have run')
})

test('another script is another task', options, async () => {
  const script = watched()
  await using node = await openV1Node({ it: script })
  const token = await node.token('ada', 'read', 'submit')
  for (const content of ['echo one', 'echo two']) {
    await node.call(token, 'PUT /v1/tasks/it', { image: 'it', provision: [{ name: 'seed', content }] })
    assert.equal((await node.call(token, 'GET /v1/tasks/it/invoke')).text, 'served')
  }
  assert.deepEqual(
    script.seen.map(({ seed }) => seed),
    ['echo one', 'echo two'],
  )
})

test(
  'a request whose instance fails in a script is never served, and told which and what it printed',
  options,
  async () => {
    const output = ['seeding\n', { stream: 'stderr', data: 'errand: provision script "seed" exited with 4\n' } as const]
    await using node = await openV1Node({ it: { output, exit: { code: 4 }, isNeverReady: true } })
    const token = await node.token('ada', 'submit')
    await node.call(token, 'PUT /v1/tasks/it', { image: 'it', provision: [{ name: 'seed', content: 'exit 4' }] })
    const refused = await node.call(token, 'GET /v1/tasks/it/invoke')
    const { code, details } = problemIn(refused)
    assert.deepEqual([refused.status, code], [502, 'task_exited'])
    assert.partialDeepStrictEqual(details, { reason: 'provision_failed', script: 'seed', exitCode: 4 })
    assert.match(String(details?.log), /^seeding\n/)
    assert.deepEqual(await readdir(join(node.stateDir, 'starting')), [])
  },
)

test('scripts that cannot be are refused by the names of their fields', options, async () => {
  await using node = await openV1Node({ it: {} })
  const token = await node.token('ada', 'submit')
  const script = { name: 'seed', content: '' }
  const refused = await node.call(token, 'PUT /v1/tasks/it', { image: 'it', provision: [script, script] })
  assert.deepEqual([refused.status, problemIn(refused).code], [400, 'validation_failed'])
  assert.partialDeepStrictEqual(problemIn(refused).details, { problems: [{ path: 'provision.1.name' }] })
})

test('scripts are refused where the engine does not find our files', options, async () => {
  await using node = await openV1Node({ it: {} }, undefined, [], '127.0.0.1', { findsOwnFiles: false })
  const token = await node.token('ada', 'submit')
  const provision = [{ name: 'seed', content: '' }]
  const refused = await node.call(token, 'PUT /v1/tasks/it', { image: 'it', provision })
  assert.deepEqual([refused.status, problemIn(refused).code], [501, 'unsupported'])
})
