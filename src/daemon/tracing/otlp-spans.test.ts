import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OtlpCollector } from '../../../test/support/otlp-collector.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { readHeadersFile } from './headers-file.ts'
import { openTracing } from './open-tracing.ts'
import { OtlpSpans } from './otlp-spans.ts'
import { QuietExporter } from './quiet-exporter.ts'
import { childContext, randomSpanId, rootContext } from './sampling.ts'
import type { FinishedSpan } from './span.ts'

function span(name: string, attributes: FinishedSpan['attributes'] = {}): FinishedSpan {
  const context = rootContext('a'.repeat(32), randomSpanId(), 1)
  return { name, kind: 'internal', context, parent: undefined, startMs: 1000.5, endMs: 1002, attributes }
}

test('spans come as they are, with the headers of the operator', async () => {
  await using collector = await OtlpCollector.open()
  const url = `${collector.url}/v1/traces`
  {
    await using spans = new OtlpSpans({ url, headers: { 'x-key': 'k' }, node: 'n', log: silentLog, clock: systemClock })
    spans.add(span('one', { text: 'x', truth: true, number: -1, absent: undefined }))
  }
  const [one] = collector.spans
  assert.deepEqual([one?.name, one?.startNs, one?.endNs], ['one', 1_000_500_000n, 1_002_000_000n])
  assert.deepEqual(one?.attributes, { text: 'x', truth: true, number: -1 })
  const [request] = collector.requests
  assert.deepEqual([request?.path, request?.headers['x-key']], ['/v1/traces', 'k'])
  assert.equal(request?.headers['content-type'], 'application/x-protobuf')
})

test('a collector that is not there holds up neither who adds spans nor the end', async () => {
  const warnings: string[] = []
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) }
  const url = 'http://127.0.0.1:1/v1/traces'
  const spans = new OtlpSpans({ url, headers: {}, node: 'n', log, clock: systemClock })
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < 50_000; count += 1) spans.add(span('x'.repeat(200)))
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 2 ** 20)
  const startedMs = performance.now()
  await spans[Symbol.asyncDispose]()
  assert.ok(performance.now() - startedMs < 30_000)
  assert.ok(warnings.length <= 1)
})

test('that a collector takes no spans is logged once, and that it does again', () => {
  const lines: [string, object][] = []
  const log = {
    ...silentLog,
    warn: (facts: object) => void lines.push(['warn', facts]),
    info: (facts: object) => void lines.push(['info', facts]),
  }
  let code = 1
  const reports: number[] = []
  const exporter = new QuietExporter(
    {
      export: (_, report) => report({ code, ...(code === 1 && { error: new Error('refused') }) }),
      shutdown: async () => {},
    },
    log,
  )
  const send = (): void => exporter.export([], ({ code: told }) => void reports.push(told))
  const exportOf = (count: number): void =>
    exporter.export(Array.from({ length: count }), ({ code: told }) => void reports.push(told))
  exportOf(3)
  exportOf(2)
  code = 0
  send()
  send()
  assert.deepEqual(lines, [
    ['warn', { reason: 'refused' }],
    ['info', { lost: 5 }],
  ])
  assert.deepEqual(reports, [0, 0, 0, 0])
})

test('about as many traces are kept as the ratio says, and a child follows its parent', () => {
  let kept = 0
  for (let number = 0; number < 1000; number += 1) {
    const traceId = `${'0'.repeat(24)}${Math.floor((number / 1000) * 2 ** 32)
      .toString(16)
      .padStart(8, '0')}`
    if (rootContext(traceId, randomSpanId(), 0.25).isSampled) kept += 1
  }
  assert.equal(kept, 250)
  const child = childContext({ traceId: 't', spanId: 's', isSampled: false })
  assert.deepEqual([child.traceId, child.isSampled], ['t', false])
})

test('nothing is opened without an endpoint', async () => {
  await using held = new AsyncDisposableStack()
  const deps = { clock: systemClock, log: silentLog }
  assert.equal(await openTracing({ tracing: undefined, node: 'n' }, deps, held), undefined)
})

test('the headers for the collector are in a file that others cannot read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-headers-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
  const path = join(folder, 'headers')
  await writeFile(path, '# for the collector\nAuthorization: Bearer a:b\n\nX-Team:  x \n', { mode: 0o600 })
  assert.deepEqual(await readHeadersFile(path), { Authorization: 'Bearer a:b', 'X-Team': 'x' })
  await writeFile(path, 'Authorization: Bearer x\ns3cret\n')
  await assert.rejects(readHeadersFile(path), ({ code, message }) => {
    assert.equal(code, 'validation_failed')
    assert.match(message, /line 2 is no "Name: value"$/)
    return true
  })
  await chmod(path, 0o640)
  await assert.rejects(readHeadersFile(path), /others can read it: its mode must be 0600/)
  await assert.rejects(readHeadersFile(join(folder, 'none')), /cannot be used: ENOENT/)
})
