import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { InstancesBench, MARK, until } from './instances-bench.fixture.ts'

test('a start whose engine call takes long gives its permit to the next one', { timeout: 30_000 }, async () => {
  await using bench = await InstancesBench.open({ permits: 1 })
  const stuck = bench.launch({ delaysMs: { create: 600_000 } })
  const failed = assert.rejects(stuck.instance, ErrandError)
  const next = bench.launch({ mark: MARK })
  await until(() => bench.engine.calls.create === 1)
  await bench.clock.advance(9999)
  assert.equal(bench.engine.calls.create, 1)
  await bench.clock.advance(1)
  await until(() => bench.engine.calls.create === 2)
  const instance = await next.instance
  bench.leave()
  await bench.clock.advance(20_000)
  await failed
  await instance.stop(0)
  await settle()
})
