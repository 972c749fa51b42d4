import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { InstalledNode } from '../support/installed-node.ts'

const ESCAPES = '\u001b]0;owned\u0007\u001b[31mred'

describe('errand, as it is installed, in pipes and scripts', { timeout: 100_000 }, () => {
  let node: InstalledNode
  let image = ''
  before(async () => {
    image = await ensureImage('busybox')
    node = await InstalledNode.open()
  })
  after(() => node[Symbol.asyncDispose]())

  function run(...words: readonly string[]) {
    return node.errand(['run', ...words])
  }

  test('run shows both streams where they belong, byte for byte, and nothing else', async () => {
    const script = `printf '${ESCAPES}\\377'; echo problem >&2`
    const { status, bytes, stderr } = await run(image, '--', 'sh', '-c', script)
    assert.deepEqual([status, stderr], [0, 'problem\n'])
    assert.deepEqual(bytes, Buffer.concat([Buffer.from(ESCAPES), Buffer.from([0xff])]))
  })

  describe('a run ends with', () => {
    test('0 and 7: what its command ended with', async () => {
      assert.equal((await run(image, '--', 'true')).status, 0)
      assert.equal((await run(image, 'sh', '-c', 'exit 7')).status, 7)
    })

    test('124: it took too long', async () => {
      const { status, stderr } = await run('--timeout', '1s', image, '--', 'sleep', '1000')
      assert.equal(status, 124)
      assert.match(stderr, /^errand: /)
    })

    test('125: it could not be run', async () => {
      const hog = ['run', '-d', '--id', 'hog', '--mem', '8000MiB', image, '--', 'sleep', '1000']
      assert.equal((await node.errand(hog)).stdout, 'hog\n')
      const { status, stderr } = await run('--mem', '8000MiB', '--queue-timeout', '100ms', image, '--', 'true')
      assert.equal(status, 125, stderr)
      assert.equal((await node.errand(['rm', '--force', 'hog'])).status, 0)
    })

    test('126 and 127: its command cannot be executed, or is not there', async () => {
      assert.equal((await run(image, '--', '/etc')).status, 126)
      assert.equal((await run(image, '--', 'no-such-command')).status, 127)
    })

    test('130: somebody cancelled it', async () => {
      const ended = run('--id', 'victim', image, '--', 'sleep', '1000')
      await using client = node.client()
      await client.until('victim', 'running')
      assert.equal((await node.errand(['cancel', '--grace', '0s', 'victim'])).stdout, 'victim\n')
      assert.equal((await ended).status, 130)
      assert.equal((await node.errand(['wait', 'victim'])).status, 130)
    })

    test('137: it needed more memory than it has', async () => {
      const { status, stderr } = await run('--mem', '16MiB', image, '--', 'tail', '/dev/zero')
      assert.equal(status, 137)
      assert.match(stderr, /^errand: .*16/m)
    })
  })

  test('what is wrong with a command line is told before anything runs', async () => {
    for (const [words, status] of [
      [['run'], 64],
      [['run', '--nonsense', image], 64],
      [['run', '--timeout', 'soon', image], 125],
      [['run', '-i', 'nothing-here:/data', image], 125],
      [['logs', 'nobody'], 66],
      [['ps', '--host', 'unix:///nowhere.sock'], 69],
    ] as const) {
      const ended = await node.errand(words)
      assert.deepEqual([ended.status, ended.stdout], [status, ''], `${words.join(' ')}: ${ended.stderr}`)
      assert.notEqual(ended.stderr, '')
    }
  })

  test('files and folders go there and come back', async () => {
    await mkdir(join(node.folder, 'data/deep'), { recursive: true })
    await writeFile(join(node.folder, 'data/deep/a.txt'), 'a\n')
    await writeFile(join(node.folder, 'one.bin'), Buffer.alloc(3_000_000, 7))
    const script = 'mkdir /out && cp -r /data /out/copy && wc -c </one >/size && cat /data/deep/a.txt'
    const inputs = ['-i', './data:/data', '-i', 'one.bin:/one']
    const { status, stdout, stderr } = await run(
      ...inputs,
      '-o',
      '/out:./results',
      '-o',
      '/size',
      image,
      '--',
      'sh',
      '-c',
      script,
    )
    assert.deepEqual([status, stdout, stderr], [0, 'a\n', ''])
    assert.equal(await readFile(join(node.folder, 'results/out/copy/deep/a.txt'), 'utf8'), 'a\n')
    assert.equal((await readFile(join(node.folder, 'size'), 'utf8')).trim(), '3000000')

    const later = ['run', '--id', 'later', '--label', 'a=b', '-d', image, '--', 'true']
    assert.equal((await node.errand(later)).status, 0)
    assert.equal((await node.errand(['wait', 'later'])).status, 0)
    assert.equal((await node.errand(['outputs', 'later'])).status, 66, 'it has left none')

    const again = await run('-o', '/size', image, '--', 'sh', '-c', 'echo other >/size')
    assert.equal(again.status, 125, 'nothing that is here is replaced')
    assert.equal((await readFile(join(node.folder, 'size'), 'utf8')).trim(), '3000000')
  })

  test('what is left running is looked after: ps, logs, exec, stats, inspect, cancel, wait, rm', async () => {
    const script = 'echo one; echo two >&2; echo three; sleep 1000'
    const detached = [
      'run',
      '-d',
      '--id',
      'kept',
      '--label',
      'team=vision',
      '-e',
      'A=b',
      image,
      '--',
      'sh',
      '-c',
      script,
    ]
    assert.equal((await node.errand(detached)).stdout, 'kept\n')
    await using client = node.client()
    await client.until('kept', 'running')
    assert.match((await node.errand(['ps'])).stdout, /^kept +running +errand-sample\/busybox:latest /m)
    assert.equal((await node.errand(['ps', '-q'])).stdout, 'kept\n')

    const inside = [
      'exec',
      '-e',
      'C=d',
      '-w',
      '/tmp',
      '-u',
      '1000:1000',
      'kept',
      '--',
      'sh',
      '-c',
      'echo $A $C $PWD; id -u; exit 9',
    ]
    const exec = await node.errand(inside)
    assert.deepEqual([exec.status, exec.stdout], [9, 'b d /tmp\n1000\n'])
    const slow = await node.errand(['exec', '--timeout', '200ms', 'kept', 'sleep', '1000'])
    assert.equal(slow.status, 124, slow.stderr)
    const loud = await node.errand(['exec', 'kept', '--', 'sh', '-c', 'yes | head -c 2000000'])
    assert.deepEqual([loud.status, loud.bytes.length], [0, 1024 * 1024])
    assert.match(loud.stderr, /^errand: only the beginning of stdout is here/)

    assert.match((await node.errand(['stats'])).stdout, /^kept +[\d.]+% +[\d.]+ \w+ \/ 128 MiB /m)
    const [stats = ''] = (await node.errand(['stats', '--json', 'kept'])).stdout.split('\n')
    assert.equal(JSON.parse(stats).id, 'kept')
    assert.match((await node.errand(['inspect', 'kept'])).stdout, /^label +team=vision$/m)
    assert.equal(JSON.parse((await node.errand(['inspect', '--json', 'kept'])).stdout).labels.team, 'vision')

    const some = await node.errand(['logs', '--stream', 'stderr', 'kept'])
    assert.deepEqual([some.stdout, some.stderr], ['', 'two\n'])
    assert.equal((await node.errand(['logs', '--stream', 'stdout', '--tail', '1', 'kept'])).stdout, 'three\n')

    assert.equal((await node.errand(['freeze', 'kept'])).stdout, 'kept\n')
    assert.equal((await node.errand(['ps', '-q', '--filter', 'status=paused'])).stdout, 'kept\n')
    assert.equal((await node.errand(['thaw', 'kept'])).stdout, 'kept\n')
    const none = await node.errand(['cancel', '--json', 'nobody'])
    assert.deepEqual([none.status, JSON.parse(none.stderr).error.code], [66, 'not_found'])

    assert.equal((await node.errand(['rm', 'kept'])).status, 65, 'what runs is not forgotten by mistake')
    assert.equal((await node.errand(['wait', '--timeout', '100ms', 'kept'])).status, 75)
    assert.equal((await node.errand(['cancel', '--grace', '0s', 'kept'])).status, 0)
    assert.equal((await node.errand(['wait', 'kept'])).status, 130)
    assert.match((await node.errand(['ps', '-a', '--status', 'cancelled'])).stdout, /^kept +cancelled/m)
    assert.equal((await node.shell('errand ps -aq --status cancelled | xargs errand rm')).status, 0)
    assert.equal((await node.errand(['inspect', 'kept'])).status, 66)
  })

  test('who reads a log that goes on may leave: it ends with the next line', async () => {
    const endless = ['run', '-d', '--id', 'endless', image, '--', 'sh', '-c', 'while :; do echo line; sleep 0.2; done']
    assert.equal((await node.errand(endless)).status, 0)
    const read = await node.shell('set +o pipefail; errand logs -f endless | head -n 1; echo $PIPESTATUS')
    assert.equal(read.stdout, 'line\n141\n')
    assert.equal((await node.errand(['rm', '--force', 'endless'])).status, 0)
  })

  test('a node that is drained takes no work until it is told to', async () => {
    assert.equal((await node.errand(['run', '-d', '--id', 'last', image, '--', 'sleep', '1'])).status, 0)
    const drained = await node.errand(['drain', '--timeout', '60s'])
    assert.equal(drained.status, 0, drained.stderr)
    assert.match(drained.stdout, /^test is drained and paused/)
    assert.equal((await run(image, '--', 'true')).status, 125)
    assert.equal((await node.errand(['unpause'])).stdout, 'test is serving\n')
    assert.equal((await run(image, '--', 'true')).status, 0)
  })
})
