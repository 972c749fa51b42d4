import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage, type SampleName } from '../../examples/tasks/offline/sample-images.ts'
import { post } from './samples/post.ts'
import { SampleContainer } from './samples/sample-container.ts'

const MARK = 'meca-init-done'
/** The first build downloads Debian packages. */
const options = { timeout: 300_000 }

async function start(name: SampleName, ...dockerArgs: string[]): Promise<SampleContainer> {
  return SampleContainer.start(await ensureImage(name), dockerArgs)
}

describe('sample tasks', options, () => {
  for (const name of ['hello-node', 'hello-python'] as const) {
    it(`${name} greets whomever the input names, over one connection`, async () => {
      await using task = await start(name)
      await task.printed(MARK)
      assert.deepEqual(await post(await task.address(), ['World', 'Wörld', '']), [
        'Hello, World!',
        'Hello, Wörld!',
        'Hello, !',
      ])
    })
  }

  it('echo-socket gives its input back on the port where no socket is offered', async () => {
    await using task = await start('echo-socket')
    await task.printed(MARK)
    assert.deepEqual(await post(await task.address(), ['one', 'two']), ['one', 'two'])
  })

  for (const name of ['echo-socket', 'static-nginx'] as const) {
    it(`${name} answers on the unix socket that ERRAND_SOCKET names`, async () => {
      await using folder = await sharedFolder()
      await using task = await start(
        name,
        '-v',
        `${folder.path}:/run/errand`,
        '-e',
        'ERRAND_SOCKET=/run/errand/task.sock',
      )
      await task.printed(MARK)
      const expected = name === 'echo-socket' ? 'one' : 'Hello from static nginx.\n'
      assert.deepEqual(await post({ socketPath: join(folder.path, 'task.sock') }, ['one']), [expected])
    })
  }

  it('static-nginx answers every request with 25 bytes', async () => {
    await using task = await start('static-nginx')
    await task.printed(MARK)
    const answers = await post(await task.address(), ['one', 'two'])
    assert.deepEqual(
      answers.map((answer) => Buffer.byteLength(answer)),
      [25, 25],
    )
  })

  it('slow sleeps for as long as its input says', async () => {
    await using task = await start('slow')
    await task.printed(MARK)
    assert.deepEqual(await post(await task.address(), ['{"sleepMs": 10}', 'not JSON']), [
      'slept 10 ms',
      'slept 1000 ms',
    ])
  })

  it('crash exits with code 3 before it is ready and says so on stderr', async () => {
    await using task = await start('crash')
    assert.equal(await task.exitCode(), 3)
    const { stdout, stderr } = await task.output()
    assert.equal(stdout, '')
    assert.match(stderr, /giving up/)
  })

  it('crash-on-request answers, and exits with code 7 when its input is die', async () => {
    await using task = await start('crash-on-request')
    await task.printed(MARK)
    const address = await task.address()
    assert.deepEqual(await post(address, ['hello']), ['alive'])
    await assert.rejects(post(address, ['die']))
    assert.equal(await task.exitCode(), 7)
  })

  it('never-ready answers without having printed the mark', async () => {
    await using task = await start('never-ready')
    await task.printed('listening')
    assert.deepEqual(await post(await task.address(), ['hello']), ['answered without being ready'])
    assert.doesNotMatch((await task.output()).stdout, new RegExp(MARK))
  })

  for (const name of ['hello-node', 'hello-python', 'echo-socket', 'static-nginx'] as const) {
    it(`${name} ends by itself at SIGTERM, as the main process of its container`, async () => {
      await using task = await start(name)
      await task.printed(MARK)
      await task.signal('SIGTERM')
      assert.equal(await task.exitCode(), 0)
    })
  }
})

describe('sample images', options, () => {
  it('are left as they are when nothing has changed', async () => {
    const idOf = async (reference: string) => run('docker', ['image', 'inspect', '--format', '{{.Id}}', reference])
    const before = await idOf(await ensureImage('hello-node'))
    assert.equal(await idOf(await ensureImage('hello-node')), before)
  })

  it('can be asked for by several at the same time', async () => {
    const references = await Promise.all([ensureImage('busybox'), ensureImage('busybox'), ensureImage('busybox')])
    assert.deepEqual(new Set(references), new Set(['errand-sample/busybox:latest']))
  })
})

/** A folder that any user can make a socket in. */
async function sharedFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'errand-samples-'))
  await chmod(path, 0o777)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
