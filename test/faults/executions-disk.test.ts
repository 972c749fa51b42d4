import assert from 'node:assert/strict'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { scale } from '../support/scale.ts'
import { ShellExecutor } from '../support/shell-executor.ts'

const options = { timeout: 600_000 }
/** More than the limit of files that 64 MiB have. */
const EMPTY_FILES = scale(20_000, 5_000_000)
const RESULT_MIB = scale(100, 10_240)
const RESULT_FILES = scale(2000, 1_000_000)
const LIMITED = { resources: { diskBytes: 64 * MIB, memoryBytes: 64 * MIB } }

let shell: ShellExecutor
before(async () => {
  shell = await ShellExecutor.open({ watchPeriodMs: 100 })
}, options)
after(async () => shell[Symbol.asyncDispose]())

test('F48: a task that fills its disk is ended', options, async () => {
  const { status, reason, stdout } = await shell.run(
    'echo begun; dd if=/dev/zero of=/bomb bs=1M count=4096; sleep 1000',
    LIMITED,
  )
  assert.deepEqual([status, reason, stdout], ['failed', 'disk_limit', 'begun\n'])
})

test('F48: a sparse file counts with its whole size', options, async () => {
  const { status, reason } = await shell.run('truncate -s 1024G /sparse && exec sleep 1000', LIMITED)
  assert.deepEqual([status, reason], ['failed', 'disk_limit'])
})

test('F48: very many empty files count, too', options, async () => {
  const script = `i=0; while [ $i -lt ${EMPTY_FILES} ]; do : >/f$i; i=$((i + 1)); done; exec sleep 1000`
  const { status, reason } = await shell.run(script, LIMITED)
  assert.deepEqual([status, reason], ['failed', 'disk_limit'])
})

test('F48: shared memory has an end', options, async () => {
  const { status, exitCode, stderr } = await shell.run('dd if=/dev/zero of=/dev/shm/bomb bs=1M count=1024', LIMITED)
  assert.deepEqual([status, exitCode], ['failed', 1])
  assert.match(stderr, /No space left/)
})

test('F50: results beyond their limit fail the execution, and what was kept is listed', options, async () => {
  const script = `mkdir /out; echo small >/out/a; truncate -s ${RESULT_MIB}M /out/b`
  const request = { outputs: [{ path: '/out' }], limits: { outputBytes: 10 * MIB } }
  const { status, reason, exitCode, outputs, resultsDir } = await shell.run(script, request)
  assert.deepEqual([status, reason, exitCode], ['failed', 'output_limit', 0])
  const kept = await usageOf(resultsDir)
  assert.ok(kept.bytes <= 11 * MIB, `${kept.bytes} bytes are kept`)
  const [output, ...more] = outputs
  assert.ok(output !== undefined && more.length === 0, JSON.stringify(outputs))
  assert.deepEqual([output.path, output.bytes], ['/out', 'small\n'.length])
  assert.equal(await readFile(join(resultsDir, output.file, 'a'), 'utf8'), 'small\n')
})

test('F50: so do too many of them', options, async () => {
  const script = `mkdir /out; cd /out; i=0; while [ $i -lt ${RESULT_FILES} ]; do : >f$i; i=$((i + 1)); done`
  const request = { outputs: [{ path: '/out' }], limits: { outputFiles: 1000 } }
  const { status, reason, outputs, resultsDir } = await shell.run(script, request)
  assert.deepEqual([status, reason], ['failed', 'output_limit'])
  const kept = await usageOf(resultsDir)
  assert.ok(kept.files <= 1010, `${kept.files} files are kept`)
  assert.ok(outputs.reduce((sum, { files }) => sum + files, 0) <= 1000)
})

async function usageOf(folder: string): Promise<{ bytes: number; files: number }> {
  const names = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(names.map(async (name) => (await lstat(join(folder, name))).blocks * 512))
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), files: names.length }
}
