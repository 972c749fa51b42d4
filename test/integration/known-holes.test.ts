import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { MortalNode } from '../support/mortal-node.ts'

const options = { timeout: 120_000 }

test(
  'on an Engine whose versions have known holes strict is refused, until its operator accepts them',
  options,
  async (t) => {
    await using node = await MortalNode.make()
    await node.start()
    const { warnings } = await node.client.errand.node.get()
    const told = warnings.filter((warning) => warning.startsWith('the profile strict is refused'))
    if (told.length === 0) {
      t.skip('no version of this Engine is known for a hole')
      return
    }
    const image = await ensureImage('busybox')
    const task = { image, cmd: ['/bin/true'] } as const
    const submit = (id: string, profile: 'standard' | 'strict') =>
      node.client.submit({ id, task: { ...task, profile }, timeoutMs: 60_000 }, id)
    await assert.rejects(submit('refused', 'strict'), {
      code: 'runtime_unavailable',
      message: /isolation\.allowKnownHoles/,
    })
    await submit('plain', 'standard')
    assert.equal((await node.client.wait('plain')).status, 'succeeded')
    await node.served[Symbol.asyncDispose]()

    await node.start({ settings: ['isolation.allowKnownHoles=true'] })
    await submit('accepted', 'strict')
    assert.equal((await node.client.wait('accepted')).status, 'succeeded')
    const accepted = (await node.client.errand.node.get()).warnings.filter((text) =>
      text.includes('allowKnownHoles takes'),
    )
    assert.equal(accepted.length, told.length)
  },
)
