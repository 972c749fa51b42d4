import assert from 'node:assert/strict'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { InstalledNode } from '../support/installed-node.ts'

/** As users write it: nothing but names of the package. */
const PROGRAM = `
import { text } from 'node:stream/consumers'
import { ErrandClient, ErrandError } from 'errand/client'
import { DockerExecutor } from 'errand/executor'

const [url, image, task] = process.argv.slice(2)
await using errand = new ErrandClient({ url })
const { id } = await errand.executions.submit({ task: { image, cmd: ['sh', '-c', 'echo hi; exit 3'] } })
for await (const { data } of errand.executions.logs(id, { follow: true })) process.stdout.write(data ?? '')
const { status, exitCode } = await errand.executions.wait(id)
console.log(status, exitCode)
await errand.tasks.put('hello', { image: task, resources: { cpu: 0.1, memory: '64MiB' } })
const answer = await errand.invoke('hello', { body: 'client' })
console.log(answer.status, await text(answer.body))
const error = await errand.executions.get('nobody').catch((thrown) => thrown)
console.log(error instanceof ErrandError, error.code)
console.log((await errand.node.get()).state)

await using executor = await DockerExecutor.open({ id: 'e2e-program' })
const { stdout } = await executor.run({
  engineSpec: { type: 'docker', params: { image, cmd: ['echo', 'embedded'] } },
  resources: { cpu: 0.1, memoryBytes: 32 * 2 ** 20 },
  timeoutMs: 60_000,
})
process.stdout.write(stdout)
`

test('a program of a user works with the client and the executor of the installed package, and ends by itself', {
  timeout: 100_000,
}, async () => {
  const [image, task] = await Promise.all([ensureImage('busybox'), ensureImage('hello-node')])
  await using node = await InstalledNode.open()
  const program = join(node.folder, 'program.mjs')
  await writeFile(program, PROGRAM)
  await symlink(join(node.installFolder, 'node_modules'), join(node.folder, 'node_modules'))
  const args = [program, `unix://${node.socketPath}`, image, task]
  const { status, stdout, stderr } = await node.command(process.execPath, args)
  assert.deepEqual([status, stderr], [0, ''])
  assert.equal(stdout, 'hi\nfailed 3\n200 Hello, client!\ntrue not_found\nserving\nembedded\n')
})
