import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually } from '../support/containers.ts'
import { type MecaAnswer, post } from '../support/daemon.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { PrivateEngine } from '../support/private-engine.ts'
import { scale } from '../support/scale.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const options = { timeout: 240_000 }
const onPort = await ensureImage('hello-node')
const onSocket = await ensureImage('echo-socket')
const talk = await ensureTask('talk')
const images = [onPort, onSocket, talk]
const ROUNDS = scale(2, 20)

/** What requests may meet whose instance the engine ends. */
const ENDED = ['task_exited', 'task_gone', 'task_connection_closed', 'engine_unavailable']

function requestFor(id: string, input = 'you'): object {
  return { id, resource: { cpu: 0.1, mem: 64 }, input }
}

async function open(engine: PrivateEngine): Promise<FaultDaemon> {
  return startFaultDaemon({ settings: [engine.setting], engineSocket: engine.socketPath })
}

/** Requests one after the other to each of these tasks until it is told to end. */
class Load {
  readonly answers: MecaAnswer[] = []
  readonly #senders: Promise<void>[]
  #isOver = false

  constructor(node: FaultDaemon, ids: readonly string[]) {
    this.#senders = ids.map(async (id) => {
      while (!this.#isOver) this.answers.push(await node.execute(requestFor(id)))
    })
  }

  /** Resolves once so many more answers have come. */
  async more(count: number): Promise<void> {
    const enough = this.answers.length + count
    await eventually(() => this.answers.length >= enough)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#senders)
  }
}

/** Answered, sooner or later: the engine may still be on its way back. */
async function untilAnswered(node: FaultDaemon, body: object): Promise<void> {
  await eventually(async () => {
    const { success, code = '' } = await node.execute(body)
    assert.ok(success || ENDED.includes(code), code)
    return success
  })
}

describe('F26: an engine with live-restore that is killed', options, () => {
  let engine: PrivateEngine
  let node: FaultDaemon
  before(async () => {
    engine = await PrivateEngine.start({ images, liveRestore: true })
    node = await open(engine)
  })
  afterEach(() => node.assertInvariants())
  after(async () => {
    await using _engine = engine
    await node[Symbol.asyncDispose]()
  })

  test('under load goes unnoticed by warm tasks, on a port and on a socket, while it is away and after', async () => {
    const load = new Load(node, [onPort, onSocket])
    await load.more(20)
    const containers = await node.containers()
    for (let round = 0; round < ROUNDS; round += 1) {
      await engine.kill()
      await load.more(50)
      await node.assertControllable()
      await engine.start()
      await load.more(50)
    }
    await load.end()
    assert.deepEqual(
      new Set(load.answers.map(({ success, msg }) => (success ? 'answered' : msg))),
      new Set(['answered']),
    )
    assert.deepEqual(new Set(await node.containers()), new Set(containers))
  })

  test('leaves tasks reachable whose connections were closed meanwhile', async () => {
    await node.execute(requestFor(onSocket))
    const containers = await containersFor(onSocket)
    await engine.kill()
    await engine.start()
    // Kept connections last for some seconds; as many requests at once as there were never before make new ones.
    const answers = await Promise.all(Array.from({ length: 20 }, () => node.execute(requestFor(onSocket))))
    assert.ok(answers.every(({ success }) => success))
    assert.deepEqual(await containersFor(onSocket), containers)
  })

  test('tells of an exit that it missed: the next request gets a new instance', async () => {
    await node.execute(requestFor(talk, say({ order: 'describe' })))
    const [before = ''] = await containersFor(talk)
    const pid = Number(await engine.docker('inspect', '--format', '{{.State.Pid}}', before))
    await engine.kill()
    process.kill(pid, 'SIGKILL')
    await engine.start()
    await untilAnswered(node, requestFor(talk, say({ order: 'describe' })))
    await eventually(async () => {
      const now = await containersFor(talk)
      return now.length === 1 && !now.includes(before)
    })
  })

  test('keeps the folders of sockets, which are removed after its next restart', async () => {
    assert.equal((await post(`${node.url}/pause`, {})).success, true)
    assert.deepEqual(await node.containers(), [])
    await engine.kill()
    await engine.start()
    await eventually(async () => (await node.census(node.installation)).volumes.length === 0)
    await post(`${node.url}/unpause`, {})
  })

  async function containersFor(image: string): Promise<string[]> {
    const id = await engine.docker('image', 'inspect', '--format', '{{.Id}}', image)
    const { containers } = await node.census(node.installation)
    return containers.filter(({ labels }) => labels['dev.errand.spec']?.startsWith(id)).map(({ name }) => name)
  }
})

describe('F25: an engine without live-restore', options, () => {
  let engine: PrivateEngine
  before(async () => {
    engine = await PrivateEngine.start({ images })
  })
  after(async () => engine[Symbol.asyncDispose]())

  for (const how of ['kill', 'stop'] as const) {
    test(`that is ended by a ${how} takes its tasks along; the next requests start them anew`, async () => {
      await using node = await open(engine)
      const load = new Load(node, [onPort, onSocket])
      await load.more(20)
      const hanging = node.execute(requestFor(talk, say({ order: 'hang' })))
      await eventually(async () => (await node.containers()).length === 3)
      const before = await node.containers()
      await engine[how]()
      await node.assertControllable()
      await engine.start()
      const { code = '' } = await hanging
      assert.ok(ENDED.includes(code), code)
      for (const id of [onPort, onSocket]) await untilAnswered(node, requestFor(id))
      await load.end()
      const codes = new Set(load.answers.flatMap((answer) => (answer.success ? [] : [answer.code ?? answer.msg])))
      assert.deepEqual(
        [...codes].filter((each) => !ENDED.includes(each)),
        [],
      )
      await node.assertInvariants()
      const now = await node.containers()
      assert.deepEqual(
        now.filter((name) => before.includes(name)),
        [],
      )
    })
  }
})
