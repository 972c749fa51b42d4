import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { docker } from '../support/engine-host.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

// An image can carry labels, and every container of it has them: also those by which a daemon knows what is its own.

const FORGED = 'a sandbox carries our installation label but not our mac; left alone'
const RESOURCE = { cpu: 0.5, mem: 64 }

type Labels = Readonly<Record<string, string>>

/** The task `talk` with labels. Removed with all its containers at the end. */
async function labelled(labels: Labels): Promise<AsyncDisposable & { readonly image: string }> {
  const image = `errand-attack/labels:${randomBytes(8).toString('hex')}`
  const changes = Object.entries(labels).map(([name, value]) => `LABEL ${name}=${JSON.stringify(value)}`)
  const container = `errand-attack-${randomBytes(8).toString('hex')}`
  await docker('create', '--name', container, await ensureTask('talk'))
  await docker('commit', ...changes.flatMap((change) => ['--change', change]), container, image)
  await docker('rm', container)
  return {
    image,
    async [Symbol.asyncDispose]() {
      for (const id of await docker('ps', '--all', '--quiet', '--filter', `ancestor=${image}`)) {
        await docker('rm', '--force', '--volumes', id)
      }
      await docker('rmi', image)
    },
  }
}

async function labelsOf(container: string): Promise<Labels> {
  const [labels = ''] = await docker('inspect', '--format', '{{json .Config.Labels}}', container)
  return JSON.parse(labels)
}

async function idsOf(image: string): Promise<string[]> {
  return docker('ps', '--all', '--quiet', '--filter', `ancestor=${image}`)
}

async function warm(node: ServeProcess, image: string): Promise<void> {
  const answer = await node.execute({ id: image, resource: RESOURCE, input: say({ order: 'describe' }) })
  assert.equal(answer.success, true, answer.msg)
}

/** Reserved, by what the node itself tells: cores in percent of what it offers. */
async function leased(node: ServeProcess): Promise<unknown> {
  const { task_used_cpu, task_used_mem } = await node.get('/stats')
  return [task_used_cpu, task_used_mem]
}

test('A9: labels of an image neither get a stranger adopted or removed, nor confuse us about our own', {
  timeout: 180_000,
}, async () => {
  await using home = await Home.make()
  const first = await home.serve()
  await warm(first, await ensureTask('talk'))
  const [ours = ''] = await home.containers()
  const real = await labelsOf(ours)
  const before = await leased(first)

  // All that our own container has, and so a mac that is right: for another name.
  await using copied = await labelled({ ...real, 'dev.errand.executor': 'evil', 'dev.errand.job': 'evil' })
  await using forged = await labelled({ ...real, 'dev.errand.mac': '0'.repeat(64), 'dev.errand.lease': '1,1,0' })
  const strangers = await Promise.all(
    [copied, forged].flatMap(({ image }, index) => [
      docker('run', '--detach', '--network', 'none', '--name', `${ours}-${index}-live`, image),
      docker('create', '--network', 'none', '--name', `${ours}-${index}-made`, image),
    ]),
  )
  const ids = strangers.flat().map((id) => id.slice(0, 12))
  // It ends under our eyes, with the labels by which we follow our own.
  await docker('kill', `${ours}-0-live`)
  await docker('start', `${ours}-1-made`)

  assert.deepEqual(await leased(first), before, 'strangers hold no lease')
  for (const { image } of [copied, forged]) {
    await warm(first, image)
    const made = (await idsOf(image)).filter((id) => !ids.includes(id))
    assert.equal(made.length, 1)
    const labels = await labelsOf(made[0] ?? '')
    assert.notEqual(labels['dev.errand.id'], real['dev.errand.id'])
    assert.notEqual(labels['dev.errand.mac'], real['dev.errand.mac'])
    assert.ok(!Object.values(labels).includes('evil') && labels['dev.errand.lease'] !== '1,1,0')
  }

  const atTheEnd = await leased(first)
  first.signal('SIGKILL')
  await first.ended
  const second = await home.serve()
  assert.equal(second.log.entries.filter(({ msg }) => msg === FORGED).length, 4)
  await second.log.entry('took up warm instances that an earlier daemon left', { instances: 3 })
  assert.deepEqual(await leased(second), atTheEnd, 'our own were taken up, no stranger was')
  await warm(second, forged.image)
  assert.deepEqual(await leased(second), atTheEnd)
  const left = (await Promise.all([copied, forged].map(({ image }) => idsOf(image)))).flat()
  assert.equal(left.length, ids.length + 2)

  await second[Symbol.asyncDispose]()
  const stayed = (await Promise.all([copied, forged].map(({ image }) => idsOf(image)))).flat()
  assert.deepEqual(stayed.toSorted(), ids.toSorted(), 'nor does a stop remove what is not ours')
  for (const id of ids) await docker('rm', '--force', id)
})
