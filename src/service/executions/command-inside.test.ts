import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import type { ExecutionService } from '../execution-service.ts'
import { ExecutionsBench } from './executions-bench.fixture.ts'

const NEVER = new AbortController().signal
const BINARY = Buffer.from([0xff, 0xfe, 0x41])
/** A character of three bytes, which the last place that is kept cuts. */
const LONG = Buffer.from(`${'x'.repeat(MIB - 1)}€€`)

const IMAGES = {
  talks: {
    exec: ({ argv: [what] }: { readonly argv: readonly string[] }) => {
      if (what === 'binary') return { exitCode: 0, stdout: BINARY, stderr: 'as text: é' }
      if (what === 'long') return { exitCode: 0, stdout: LONG, stderr: Buffer.concat([BINARY, LONG]) }
      return { exitCode: 0, stdout: Buffer.alloc(16 * MIB + 1, 'x') }
    },
  },
}

async function running(bench: ExecutionsBench): Promise<{ executions: ExecutionService; id: string }> {
  const { executions } = await bench.open()
  const request = bench.request('talks')
  await executions.start(request)
  return { executions, id: request.executionId }
}

describe('a command inside', () => {
  test('gives its very bytes where they are no text', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions, id } = await running(bench)
    const { stdoutBase64, ...told } = await executions.command(id, { argv: ['binary'] }, NEVER)
    assert.deepEqual(Buffer.from(stdoutBase64 ?? '', 'base64'), BINARY)
    assert.deepEqual([told.stderr, 'stderrBase64' in told], ['as text: é', false])
    const own = await executions.exec(id, ['binary'])
    assert.deepEqual(own, { exitCode: 0, stdout: told.stdout, stderr: told.stderr, stdoutBase64 })
  })

  test('is cut between characters where it prints more than is kept', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions, id } = await running(bench)
    const { stdout, stdoutBase64, stderrBase64, truncated } = await executions.command(id, { argv: ['long'] }, NEVER)
    assert.ok(stdout === 'x'.repeat(MIB - 1))
    assert.equal(stdoutBase64, undefined)
    assert.equal(Buffer.from(stderrBase64 ?? '', 'base64').length, MIB, 'no text is not cut short')
    assert.deepEqual(truncated, { stdout: true, stderr: true })
  })

  test('that prints more than its caller can hold is given up', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions, id } = await running(bench)
    await assert.rejects(executions.exec(id, ['flood']), { code: 'response_too_large' })
    assert.ok((await executions.command(id, { argv: ['flood'] }, NEVER)).truncated.stdout)
  })
})
