import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { randomId } from '../../src/core/ids.ts'
import { docker } from '../support/engine-host.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home } from '../support/serve-process.ts'

/** An image that is missing is built first. */
const options = { timeout: 300_000 }

const WITHOUT_TOOLS = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /usr/sbin && exec "$@"', 'sh']
const WITHOUT_RIGHT = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
const BOTH_WAYS_OUT = /^errand: tasks cannot be kept off .*docker\.network.*tasks\.hostAccess: allow\n$/s

for (const [what, under] of [
  ['iptables', WITHOUT_TOOLS],
  ['the right to change the firewall', WITHOUT_RIGHT],
] as const) {
  const isPossible = spawnSync(under[0] ?? '', [...under.slice(1), 'true']).status === 0
  const skip = isPossible ? false : `${under[0]} cannot take it away`

  test(`without ${what} the daemon refuses to start with 69, naming both ways out`, { ...options, skip }, async () => {
    await using home = await Home.make()
    const refused = home.spawn({ under })
    assert.deepEqual(await refused.ended, { code: 69, signal: null })
    await refused.log.ended()
    assert.match(refused.log.text, BOTH_WAYS_OUT)
    assert.deepEqual(await home.traces(), [])
  })

  test(`without ${what} it starts with tasks.hostAccess: allow`, { ...options, skip }, async () => {
    await using home = await Home.make()
    await using node = await home.serve({ under, settings: ['tasks.hostAccess=allow'] })
    assert.deepEqual(await node.execute(await puppetRequest({ print: 'x' })), { success: true, msg: '' })
  })
}

test('a network given by name is used as it is, and neither changed nor removed', options, async () => {
  const name = `errand-test-${randomId().slice(0, 12)}`
  await docker('network', 'create', name)
  try {
    const before = await docker('network', 'inspect', name)
    await using home = await Home.make()
    await using node = await home.serve({ settings: [`docker.network=${name}`] })
    assert.deepEqual(await home.traces(), [], 'no network and no rule of our own')
    assert.deepEqual(await node.execute(await puppetRequest({ print: 'x' })), { success: true, msg: '' })
    const [container = ''] = await home.containers()
    const networks = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}'
    assert.deepEqual(await docker('inspect', '--format', networks, container), [`${name} `])
    await node[Symbol.asyncDispose]()
    assert.deepEqual(await docker('network', 'inspect', name), before)
  } finally {
    await docker('network', 'rm', name)
  }
})

test('a network that is not there ends the start with 69, naming it', options, async () => {
  await using home = await Home.make()
  const refused = home.spawn({ settings: ['docker.network=errand-test-absent'] })
  assert.deepEqual(await refused.ended, { code: 69, signal: null })
  await refused.log.ended()
  assert.match(refused.log.text, /^errand: .*no network called errand-test-absent.*\n$/)
})
