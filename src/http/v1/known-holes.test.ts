import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { NodeView } from '../contract/node-view.ts'
import { openV1Node, problemIn, type V1Node } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }
const OLD = new Map([['runc', '1.1.5']])
const STRICT = { task: { image: 'forever', profile: 'strict' } }

async function warnings(node: V1Node): Promise<readonly string[]> {
  const view: NodeView = JSON.parse((await node.call(undefined, 'GET /v1/node')).text)
  return view.warnings
}

test(
  'a node whose engine has a known hole refuses strict executions and tasks, and says so of itself',
  options,
  async () => {
    await using node = await openV1Node()
    assert.deepEqual(await warnings(node), [])
    assert.equal((await node.call(undefined, 'POST /v1/executions', STRICT)).status, 201)
    node.engine.change({ components: OLD })
    node.engine.dropEvents()
    while ((await warnings(node)).length === 0) await turn()
    assert.match((await warnings(node)).join(), /the profile strict is refused with runc here: runc 1\.1\.5/)
    const refused = [
      await node.call(undefined, 'POST /v1/executions', STRICT),
      await node.call(undefined, 'PUT /v1/tasks/it', { image: 'hello', profile: 'strict' }),
    ]
    for (const answer of refused) {
      const { code, detail } = problemIn(answer)
      assert.equal(code, 'runtime_unavailable')
      assert.match(detail, /runc 1\.1\.5 .*isolation\.allowKnownHoles/)
    }
    assert.equal((await node.call(undefined, 'POST /v1/executions', { task: { image: 'forever' } })).status, 201)
  },
)
