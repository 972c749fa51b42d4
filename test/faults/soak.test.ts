import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { EngineProxy } from '../support/engine-proxy.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { seededRandom } from '../support/random.ts'
import { scale } from '../support/scale.ts'
import { SoakFaults } from '../support/soak-faults.ts'
import { SoakLoad } from '../support/soak-load.ts'

const LENGTH_MS = scale(20_000, 600_000)
const CHECK_EVERY_MS = 5000
const MOST_REST_MS = scale(1500, 5000)
const EXECUTING = 5
const INVOKING = 2
const SETTINGS = ['executions.queueLimit=8', 'executions.callerQueueLimit=8']

/** What is found at the end is looked through for as long again. */
const options = { timeout: 300_000 + 2 * LENGTH_MS }

test('under random faults the invariants hold all the time, and every execution ends once', options, async (t) => {
  const random = seededRandom(t)
  const images = { shell: await ensureImage('busybox'), echo: await ensureImage('echo-socket') }
  await using proxy = await EngineProxy.open()
  await using node = await MortalNode.make([...SETTINGS, proxy.setting])
  await node.start()
  const load = new SoakLoad(node, images, random)
  const faults = new SoakFaults(node, proxy, load, random)
  await untilOver([
    (over) => trouble(node, faults, random, over),
    (over) => load.crowd(over),
    ...Array.from({ length: EXECUTING }, () => (over: AbortSignal) => load.execute(over)),
    ...Array.from({ length: INVOKING }, () => (over: AbortSignal) => load.invoke(over)),
  ])
  t.diagnostic(`faults: ${describe(Object.entries(faults.counts))}`)
  t.diagnostic(`answers: ${describe([...load.counts].toSorted(([a], [b]) => a.localeCompare(b)))}`)
  await load.assertEnds()
})

type Work = (over: AbortSignal) => Promise<void>

/** All of them at once, until the time is over or the first of them fails. Each ends what it is at. */
async function untilOver(works: readonly Work[]): Promise<void> {
  const failed = new AbortController()
  const over = AbortSignal.any([failed.signal, AbortSignal.timeout(LENGTH_MS)])
  const working = works.map((work) => work(over).finally(() => failed.abort()))
  const ends = await Promise.allSettled(working)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

async function trouble(node: MortalNode, faults: SoakFaults, random: () => number, over: AbortSignal): Promise<void> {
  for (let checkedMs = performance.now(); !over.aborted; ) {
    await sleep(random() * MOST_REST_MS)
    await faults.one()
    if (performance.now() - checkedMs < CHECK_EVERY_MS) continue
    await node.served.assertInvariants()
    checkedMs = performance.now()
  }
}

function describe(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([what, count]) => `${count} ${what}`).join(', ')
}
