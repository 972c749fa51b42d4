import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { MIB } from '../../src/core/resources.ts'
import { ConformanceBench, joinOutput, readOutput } from '../../src/engine/conformance-bench.ts'
import type { SandboxSpec } from '../../src/engine/engine.ts'
import { docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'
import { inside, running, SHELL, sizesOf } from '../support/inside.ts'

const images = await engineImages()

/** What the sandbox printed until its end, without the last line feed. */
async function printed(bench: ConformanceBench, changes: Partial<SandboxSpec>): Promise<string> {
  const ref = await bench.runToEnd(images.waits, changes)
  const output = await readOutput(bench.engine.output(ref, {}, bench.signal))
  return joinOutput(output, 'stdout').toString().trimEnd()
}

test('what runs, as whom, where and with which variables is as the spec says', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const script = 'echo "$0 $1"; /bin/busybox pwd; /bin/busybox id -u; /bin/busybox id -g; echo "$GREETING|$EMPTY|$ODD"'
  const process = {
    entrypoint: [...SHELL, script],
    cmd: ['zero', 'one two'],
    environment: { GREETING: 'good day', EMPTY: '', ODD: 'a=b\nc', NVIDIA_VISIBLE_DEVICES: 'all' },
    workingDir: '/tmp',
    user: '1234:4321',
  }
  assert.equal(await printed(bench, { process }), 'zero one two\n/tmp\n1234\n4321\ngood day||a=b\nc')
})

test("the image's own command runs where the spec says nothing, and behind a prefix as its last arguments", async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const prefix = ['/bin/busybox', 'printf', '%s\\n']
  const stored = (await printed(bench, { process: { prefix } })).split('\n')
  assert.deepEqual(stored.slice(0, 3), SHELL)
  assert.equal(stored.length, 4)
  const said = { prefix, entrypoint: ['a b'], cmd: ['', 'c'] }
  assert.equal(await printed(bench, { process: said }), 'a b\n\nc')
  assert.equal(await printed(bench, { process: { prefix, cmd: ['d'] } }), 'd')
})

test('limits of processes and of shared memory are as the spec says', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await running(bench, { pidsLimit: 20, shmBytes: 32 * MIB })
  assert.equal((await bench.inspect(ref)).limits.pids, 20)
  assert.equal((await sizesOf(bench, ref, '/dev/shm'))[0], String(32 * 1024))
  const forks = 'i=0; while [ $i -lt 40 ]; do /bin/busybox sleep 30 & i=$((i + 1)); done'
  assert.match(await inside(bench, ref, forks), /can't fork/)
})

test('folders of this host are mounted for reading, or for writing where the spec says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-test-mounts-'))
  const [given, taken] = [join(folder, 'given'), join(folder, 'taken')]
  await mkdir(join(given, 'deeper'), { recursive: true })
  await mkdir(taken)
  await writeFile(join(given, 'file'), 'given')
  await run('mount', ['-t', 'tmpfs', 'errand-test', join(given, 'deeper')])
  try {
    await using engine = await openDocker()
    await using bench = new ConformanceBench(engine, images)
    const mounts = [
      { kind: 'bind', source: given, target: '/given', isReadOnly: true },
      { kind: 'bind', source: taken, target: '/taken', isReadOnly: false },
    ] as const
    const ref = await running(bench, { mounts })
    const script =
      'bb cat /given/file; echo; echo no > /given/more; echo no > /given/deeper/more; echo yes > /taken/new'
    const [content, ...refusals] = (await inside(bench, ref, script)).split('\n')
    assert.equal(content, 'given')
    // What is mounted under it too: Engines before 25 would leave that writable.
    assert.equal(refusals.filter((line) => /Read-only file system/.test(line)).length, 2, refusals.join('\n'))
    assert.equal(await readFile(join(taken, 'new'), 'utf8'), 'yes\n')
    assert.equal((await engine.probe(bench.signal)).canMount, true)
  } finally {
    await run('umount', [join(given, 'deeper')])
    await rm(folder, { recursive: true })
  }
})

test("scratch folders are empty, sized and their owner's, and gone with the sandbox", async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const mounts = [
    { kind: 'scratch', target: '/mine', sizeBytes: MIB, owner: '1234:1234' },
    { kind: 'scratch', target: '/open', sizeBytes: MIB, canExecute: true },
  ] as const
  const ref = await running(bench, { mounts, process: { user: '1234:1234' } })
  assert.deepEqual(await sizesOf(bench, ref, '/mine'), ['1024', '16384'])
  const modes = await inside(bench, ref, 'bb stat -c "%u %g %a" /mine /open; bb ls -A /mine /open | bb grep -v :')
  assert.equal(modes, '1234 1234 700\n0 0 1777')
  assert.match(await inside(bench, ref, 'bb dd if=/dev/zero of=/mine/big bs=1M count=2'), /No space left/)
  const script = 'echo "#!/bin/busybox echo" > $at/script; bb chmod +x $at/script; $at/script'
  const ran = await inside(bench, ref, `for at in /mine /open; do bb rm -f $at/*; ${script}; done`)
  assert.match(ran, /^.*\/mine\/script: Permission denied\n\/open\/script$/)
  const label = (await bench.inspect(ref)).labels['dev.errand.id']
  const volumes = async (): Promise<string[]> =>
    docker('volume', 'ls', '-q', '--filter', `label=dev.errand.id=${label}`)
  assert.equal((await volumes()).length, 2)
  await engine.remove(ref, bench.signal)
  assert.deepEqual(await volumes(), [])
})

test('the DNS server of the spec is asked, by the resolver that the sandbox has', async () => {
  await using engine = await openDocker({ executions: { allowEgress: true, hostAccess: 'allow' } })
  await using bench = new ConformanceBench(engine, images)
  const first = await running(bench, { network: 'egress' })
  const gateway = (await bench.inspect(first)).net?.gateway ?? ''
  const server = createSocket('udp4', (query, { port, address }) => server.send(answered(query), port, address))
  server.bind(53, gateway)
  await once(server, 'listening')
  try {
    const ref = await running(bench, { network: 'egress', dnsServers: [gateway] })
    assert.match(await inside(bench, ref, 'bb nslookup -type=a errand.test'), /203\.0\.113\.53/)
    assert.match(await inside(bench, ref, 'bb cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m)
  } finally {
    server.close()
    await once(server, 'close')
  }
})

/** Any name has the same address. */
function answered(query: Buffer): Buffer {
  const question = query.subarray(12, query.indexOf(0, 12) + 5)
  const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
  query.copy(header, 0, 0, 2)
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 53])
  return Buffer.concat([header, question, answer])
}
