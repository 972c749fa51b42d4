// A tour of the main job: tasks answer cold, then warm; one fails in each way; idle ones are removed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { type LogLine, NodeProcess } from './demo/node-process.ts'
import { parseTarget, Sender } from './demo/requests.ts'
import { ensureImage, type SampleName } from './tasks/offline/sample-images.ts'

/** What is sent to each sample, and how often when it is warm: `slow` sleeps a second for each request. */
const TOUR: readonly { name: SampleName; input: string; warmRequests: number }[] = [
  { name: 'hello-node', input: 'world', warmRequests: 200 },
  { name: 'hello-python', input: 'world', warmRequests: 200 },
  { name: 'echo-socket', input: 'echo?', warmRequests: 200 },
  { name: 'slow', input: '{"sleepMs": 20}', warmRequests: 10 },
  { name: 'crash', input: 'anything', warmRequests: 0 },
  { name: 'never-ready', input: 'anything', warmRequests: 0 },
]

const PHASES = ['queue', 'image', 'create', 'start', 'ready', 'firstByte']

const folder = await mkdtemp(join(tmpdir(), 'errand-demo-'))
try {
  const images = await buildSamples()
  const flags = ['--state-dir', join(folder, 'state'), '--run-dir', join(folder, 'run'), '--listen', '127.0.0.1:0']
  const settings = ['timeout=0.2', 'tasks.startTimeoutMs=5000', 'resources.hostCheck=none']
  await using node = new NodeProcess([...flags, ...settings.flatMap((setting) => ['--set', setting])])
  const { addresses } = await node.logged('the node serves')
  const address = String(addresses)
  title(`The node serves on http://${address}`)
  for (const { name, input, warmRequests } of TOUR)
    await visit(node, address, images.get(name) ?? '', input, warmRequests)

  title('GET /stats')
  console.log(await (await fetch(`http://${address}/stats`)).text())

  title('Idle tasks go after `timeout` (here 0.2 minutes)')
  const { image, instance } = await node.logged('cold start', (line) => String(line.image).includes('slow'))
  await node.logged('removed an instance', (line) => line.instance === instance)
  console.log(`${String(image)} was removed, and so was everything before it`)
  const stopped = await fetch(`http://${address}/stop`, { method: 'POST' })
  console.log(`POST /stop: ${await stopped.text()}`)
} finally {
  await rm(folder, { recursive: true })
}

async function buildSamples(): Promise<Map<SampleName, string>> {
  title('Building the sample tasks from local files, without a registry')
  const images = new Map<SampleName, string>()
  for (const { name } of TOUR) images.set(name, await ensureImage(name))
  console.log([...images.values()].join('\n'))
  return images
}

async function visit(
  node: NodeProcess,
  address: string,
  image: string,
  input: string,
  warmRequests: number,
): Promise<void> {
  title(image)
  using sender = new Sender(parseTarget(address))
  const body = JSON.stringify({ id: image, input, resource: { cpu: 0.5, mem: 128 } })
  const first = await sender.post(body)
  console.log(`first request: ${ms(first.ms)}  ${first.body}`)
  if (warmRequests === 0) return
  const cold = await node.logged('cold start', (line) => line.image === image)
  console.log(`cold start:    ${phases(cold)}`)
  const second = await sender.post(body)
  console.log(`second:        ${ms(second.ms)}  ${second.body}`)
  using direct = new Sender(parseTarget(String(cold.endpoint)))
  await direct.post(input)
  const straightMs = await direct.medianMs(input, warmRequests)
  const throughMs = await sender.medianMs(body, warmRequests)
  const added = `the node adds ${ms(throughMs - straightMs)}`
  console.log(`warm, median:  ${ms(throughMs)}; straight to the instance ${ms(straightMs)}: ${added}`)
}

function phases(cold: LogLine): string {
  return PHASES.map((phase) => `${phase} ${ms(Number(cold[`${phase}Ms`] ?? 0))}`).join(', ')
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`
}

function title(text: string): void {
  console.log(`\n${styleText('bold', text)}`)
}
