import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { docker } from '../support/daemon.ts'
import { InstalledNode } from '../support/installed-node.ts'

/** Ends by itself some time after it was told to begin, which its output shows. */
const SLOW = 'echo before; sleep 5; echo after; exit 6'

describe('errand, as it is installed', { timeout: 100_000 }, () => {
  test('run waits on while the daemon is killed and started again, and ends right', async () => {
    const image = await ensureImage('busybox')
    await using node = await InstalledNode.open()
    await using terminal = node.terminal(['run', '--id', 'survivor', image, '--', 'sh', '-c', SLOW])
    await terminal.shown((text) => text.includes('before'))
    await node.kill()
    await node.serve()
    assert.equal(await terminal.ended, 6)
    assert.equal(terminal.text.split('before').length, 2, 'nothing is shown twice')
    assert.match(terminal.text, /after\r\n/)
  })

  test('run --local needs no daemon, ends as its command did and leaves nothing', async () => {
    const image = await ensureImage('busybox')
    await using node = await InstalledNode.make()
    const config = join(node.folder, 'errand.yaml')
    await writeFile(config, 'resources: {hostCheck: none}\n')
    const environment = { ERRAND_CONFIG: config }
    const none = await node.errand(['run', image, '--', 'true'], { environment })
    assert.deepEqual([none.status, none.stdout], [125, ''], 'without being asked for, nothing is embedded')
    const local = ['run', '--local', '--id', 'cli-local', image, '--', 'sh', '-c', 'echo here; exit 7']
    const { status, stdout, stderr } = await node.errand(local, { environment })
    assert.deepEqual([status, stdout, stderr], [7, 'here\n', ''])
    assert.equal(await docker('ps', '-aq', '--filter', 'label=dev.errand.id=cli-local'), '')
    assert.equal(await docker('network', 'ls', '-q', '--filter', 'name=cli-local'), '')
  })

  test('run --local leaves nothing, whatever ends it', async () => {
    const image = await ensureImage('busybox')
    await using node = await InstalledNode.make()
    const config = join(node.folder, 'errand.yaml')
    await writeFile(config, 'resources: {hostCheck: none}\n')
    const environment = { ERRAND_CONFIG: config, TMPDIR: node.folder }
    const stubborn = `trap '' TERM; while :; do echo up; sleep 0.1; done`
    const assertNothing = async (id: string): Promise<void> => {
      assert.equal(await docker('ps', '-aq', '--filter', `label=dev.errand.id=${id}`), '')
      assert.deepEqual(await readdir(node.folder), ['errand.yaml'])
    }
    const piped = `set +o pipefail; errand run --local --id cli-piped ${image} -- sh -c "${stubborn}" | head -n 1`
    assert.equal((await node.shell(`${piped}; echo $PIPESTATUS`, { environment })).stdout, 'up\n141\n')
    await assertNothing('cli-piped')
    const words = ['run', '--local', '--id', 'cli-hung-up', image, '--', 'sh', '-c', stubborn]
    const terminal = node.terminal(words, { environment })
    await terminal.shown((text) => text.includes('up\r\n'))
    // Its end hangs the terminal up; nobody is told when the command under it has ended.
    await terminal[Symbol.asyncDispose]()
    const untilMs = performance.now() + 20_000
    while (performance.now() < untilMs && (await readdir(node.folder)).length > 1) await delay(50)
    await assertNothing('cli-hung-up')
  })

  test('doctor, completion and version work where nothing is configured', async () => {
    await using node = await InstalledNode.make()
    const doctor = await node.errand([
      'doctor',
      '--json',
      '--state-dir',
      node.home.stateDir,
      '--run-dir',
      node.home.runDir,
    ])
    assert.ok([0, 1].includes(doctor.status), doctor.stderr)
    const answered: unknown = JSON.parse(doctor.stdout)
    assert.ok(typeof answered === 'object' && answered !== null)
    const offered = await node.shell('source <(errand completion bash); complete -p errand')
    assert.equal(offered.stdout, 'complete -F _errand errand\n')
    assert.match((await node.errand(['version'])).stdout, /^errand \d+\.\d+\.\d+ /)
  })
})
