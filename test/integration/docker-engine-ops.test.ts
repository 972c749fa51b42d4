import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { extract, type Header } from 'tar-stream'
import { randomId } from '../../src/core/ids.ts'
import { MIB } from '../../src/core/resources.ts'
import { ConformanceBench, OutputRecorder } from '../../src/engine/conformance-bench.ts'
import type { ProcessSpec, SandboxRef } from '../../src/engine/engine.ts'
import { cgroupsOf, docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'

const NO_LIMIT = { bytes: Number.MAX_SAFE_INTEGER, inodes: Number.MAX_SAFE_INTEGER }
const GIB = 1024 * MIB

const images = await engineImages()

function shell(text: string): string[] {
  return ['/bin/busybox', 'sh', '-c', `bb() { /bin/busybox "$@"; }; ${text}`]
}

function runs(text: string): { readonly process: ProcessSpec } {
  return { process: { entrypoint: shell(text) } }
}

/** Runs a command to success; what it printed on stdout. */
async function exec(bench: ConformanceBench, ref: SandboxRef, text: string): Promise<Buffer> {
  const output = new OutputRecorder()
  const { exitCode } = await bench.engine.exec(ref, { argv: shell(text) }, output.sink, bench.signal)
  assert.equal(exitCode, 0, output.bytes('stderr').toString())
  return output.bytes('stdout')
}

test('a bill tells the cpu and the memory that a container has used in all, and goes with it', async () => {
  const installation = randomId()
  {
    await using engine = await openDocker({ installation })
    await using bench = new ConformanceBench(engine, images)
    const burn = 'bb timeout 1 /bin/busybox sh -c "while :; do :; done"'
    const fill = 'bb dd if=/dev/zero of=/dev/null bs=40M count=1'
    const resources = { cpuMillis: 1000, memoryBytes: 128 * MIB, gpus: 0 }
    const ref = await bench.runToEnd(images.waits, { ...runs(`${burn}; ${fill}`), resources })
    const bill = await engine.bill(ref, bench.signal)
    assert.ok(bill)
    assert.ok(bill.cpuNs > 0.2e9 && bill.cpuNs < 3e9, `${bill.cpuNs} ns`)
    assert.ok(bill.memoryPeakBytes > 40 * MIB && bill.memoryPeakBytes < 80 * MIB, `${bill.memoryPeakBytes} bytes`)
    assert.notDeepEqual(await cgroupsOf(installation, ref.name), [])
    await engine.remove(ref, bench.signal)
    assert.equal(await engine.bill(ref, bench.signal), undefined)
    assert.deepEqual(await cgroupsOf(installation, ref.name), [])
  }
  assert.deepEqual(await cgroupsOf(installation), [])
})

test('limits bind below the cgroup that is kept for the bill, and an OOM kill is told and billed', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const resources = { cpuMillis: 300, memoryBytes: 48 * MIB, gpus: 0 }
  const running = await bench.createPortless(images.waits, { resources, pidsLimit: 77 })
  await engine.start(running, bench.signal)
  const stats = await engine.stats(running, bench.signal)
  assert.equal(stats?.memory.limitBytes, 48 * MIB)
  const { limits } = await bench.inspect(running)
  assert.deepEqual(limits, { cpuMillis: 300, memoryBytes: 48 * MIB, pids: 77 })
  const fill = runs('bb dd if=/dev/zero of=/dev/null bs=100M count=1')
  const killed = await bench.runToEnd(images.waits, { ...fill, resources })
  assert.equal((await bench.inspect(killed)).exit?.isOomKilled, true)
  const bill = await engine.bill(killed, bench.signal)
  assert.ok(bill)
  // The kernel lets a process that it ends go a few pages beyond the limit.
  assert.ok(bill.memoryPeakBytes > 40 * MIB && bill.memoryPeakBytes < 49 * MIB, `${bill.memoryPeakBytes} bytes`)
})

test('what is kept for the bill of a container that somebody else removed goes when the Engine is listened to', async () => {
  const installation = randomId()
  await using engine = await openDocker({ installation })
  await using bench = new ConformanceBench(engine, images)
  const removed = await bench.runToEnd(images.prints)
  const kept = await bench.runToEnd(images.prints)
  await docker('rm', '--force', removed.id)
  for await (const { kind } of engine.events('dev.errand.id', 'none', bench.signal)) {
    assert.equal(kind, 'listening')
    break
  }
  assert.deepEqual(await cgroupsOf(installation, removed.name), [])
  assert.ok(await engine.bill(kept, bench.signal))
})

test('a container that serves has no cgroup of ours above it', async () => {
  const installation = randomId()
  await using engine = await openDocker({ installation })
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.startReady(images.waits)
  assert.deepEqual(await cgroupsOf(installation), [])
  const { pid } = await bench.inspect(ref)
  assert.ok(!(await readFile(`/proc/${pid}/cgroup`, 'utf8')).includes('errand-'))
})

test('a sparse file counts for its length, and 5,000 empty files one by one', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.startReady(images.waits)
  const before = await engine.diskUsage(ref, NO_LIMIT, bench.signal)
  assert.ok(before)
  await exec(bench, ref, 'bb mkdir /many; i=0; while [ $i -lt 5000 ]; do : >/many/$i; i=$((i+1)); done')
  const many = await engine.diskUsage(ref, NO_LIMIT, bench.signal)
  assert.equal((many?.inodes ?? 0) - before.inodes, 5001)
  const stopped = await engine.diskUsage(ref, { ...NO_LIMIT, inodes: 1000 }, bench.signal)
  assert.ok(stopped && stopped.inodes > 1000 && stopped.inodes < 2000, `${stopped?.inodes}`)
  await exec(bench, ref, 'bb truncate -s 1024G /sparse')
  const sparse = await engine.diskUsage(ref, NO_LIMIT, bench.signal)
  assert.ok((sparse?.bytes ?? 0) >= 1024 * GIB)
})

test('a deleted file that is still open counts, also in a command beside the main process, and one in memory does not', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.startReady(images.waits)
  const hold = (path: string, mebibytes: number): string =>
    `exec 7>${path}; bb rm ${path}; bb dd if=/dev/zero bs=1M count=${mebibytes} >&7; bb sleep 1000 >/dev/null 2>&1 &`
  await exec(bench, ref, hold('/dev/shm/held', 10))
  await exec(bench, ref, hold('/held', 20))
  const held = await engine.diskUsage(ref, NO_LIMIT, bench.signal)
  assert.ok(held && held.bytes >= 20 * MIB && held.bytes < 21 * MIB, `${held?.bytes} bytes`)
})

test('5 MiB of random bytes come out of a command as they went in', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.startReady(images.waits)
  await exec(bench, ref, 'bb dd if=/dev/urandom of=/random bs=1M count=5')
  const bytes = await exec(bench, ref, 'bb cat /random')
  assert.equal(bytes.length, 5 * MIB)
  const [sum] = (await exec(bench, ref, 'bb sha256sum /random')).toString().split(' ')
  assert.equal(createHash('sha256').update(bytes).digest('hex'), sum)
})

test('a command that closed its output early still tells its exit code, and one whose container is killed as well', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.startReady(images.waits)
  const argv = shell('exec >&- 2>&-; bb sleep 1; exit 9')
  assert.deepEqual(await engine.exec(ref, { argv }, () => {}, bench.signal), { exitCode: 9 })
  const output = new OutputRecorder()
  const running = engine.exec(ref, { argv: images.commands.waits }, output.sink, bench.signal)
  await output.until('ready\n', bench.signal)
  await engine.signal(ref, 'SIGKILL', bench.signal)
  assert.deepEqual(await running, { exitCode: 137 })
})

test('a folder is collected with its links as links, whatever they lead to', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.startReady(images.waits)
  const link = 'bb ln -s /etc/passwd /out/away; bb ln /out/a /out/b; bb mkfifo /out/pipe'
  await exec(bench, ref, `bb mkdir /out; echo hello >/out/a; ${link}; bb ln -s / /out/root`)
  const seen = new Map<string, Header>()
  const archive = Readable.from(engine.collect(ref, '/out', bench.signal)).pipe(extract())
  for await (const entry of archive) {
    seen.set(entry.header.name, entry.header)
    entry.resume()
  }
  const links = [...seen].map(([name, { type, linkname }]) => `${type} ${name} ${linkname ?? ''}`.trim())
  assert.deepEqual(links.toSorted(), [
    'directory out/',
    'fifo out/pipe',
    'file out/a',
    'link out/b out/a',
    'symlink out/away /etc/passwd',
    'symlink out/root /',
  ])
})
