import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
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
    assert.deepEqual([none.status, none.stdout], [69, ''], 'without being asked for, nothing is embedded')
    const local = ['run', '--local', '--id', 'cli-local', image, '--', 'sh', '-c', 'echo here; exit 7']
    const { status, stdout, stderr } = await node.errand(local, { environment })
    assert.deepEqual([status, stdout, stderr], [7, 'here\n', ''])
    assert.equal(await docker('ps', '-aq', '--filter', 'label=dev.errand.id=cli-local'), '')
    assert.equal(await docker('network', 'ls', '-q', '--filter', 'name=cli-local'), '')
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
