import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { isTerminal } from '../../src/core/execution.ts'
import { MIB } from '../../src/core/resources.ts'
import type { ExecutionBody } from '../../src/http/contract/execution-body.ts'
import type { ExecutionView } from '../../src/http/contract/execution-view.ts'
import type { Problem } from '../../src/http/contract/problem.ts'
import type { MecaAnswer } from './daemon.ts'
import { assertExecutions, type Meant } from './execution-invariants.ts'
import { type HttpAnswer, type HttpCall, httpCall } from './http-call.ts'
import { assertHonest } from './invariants.ts'
import type { MortalNode } from './mortal-node.ts'
import type { Random } from './random.ts'
import { type SmallExecution, smallExecution } from './small-executions.ts'

type Kind = 'short' | 'long' | 'failing' | 'paused' | 'cancelled'

const KINDS: readonly Kind[] = ['short', 'long', 'failing', 'paused', 'cancelled']
const SECONDS: Record<Kind, number> = { short: 0, long: 3, failing: 1, paused: 2, cancelled: 20 }
/** What a node may answer to what it does not do. */
const REFUSALS = [404, 409, 429, 503, 504]
const WARM_TASKS = 3
/** Some of these are more than the node has room for, and more than may wait. */
const CROWD = 16
const CROWD_RESOURCES = { cpu: 0.1, memory: 2048 * MIB }
const MOST_CALM_MS = 10_000

interface Images {
  readonly shell: string
  readonly echo: string
}

interface Known {
  readonly kind: Kind
  readonly meant: Meant
  /** As `wait` told it. */
  end?: ExecutionView
}

/** Callers of a node who never rest, and remember what they were answered. */
export class SoakLoad {
  /** Every execution that was answered with 2xx, by id. */
  readonly known: Map<string, Known> = new Map()
  /** How often what was answered. */
  readonly counts: Map<string, number> = new Map()
  /** Ids of executions whose sandbox somebody else removed: they may end in another way than they were meant to. */
  readonly disturbed: Set<string> = new Set()
  readonly #node: MortalNode
  readonly #images: Images
  readonly #random: Random
  #made = 0

  constructor(node: MortalNode, images: Images, random: Random) {
    this.#node = node
    this.#images = images
    this.#random = random
  }

  /** One caller of executions, who begins the next when one has ended. */
  async execute(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#live(this.#pick(KINDS))
  }

  /** One caller of warm tasks. */
  async invoke(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const input = `input ${this.#made++}`
      const mem = 64 + Math.floor(this.#random() * WARM_TASKS)
      const answer = await this.#post('/', { id: this.#images.echo, resource: { cpu: 0.1, mem }, input })
      const told = JSON.parse(answer.text) as MecaAnswer
      assertHonest(told)
      if (told.success) assert.equal(told.msg, input)
      this.#count(`warm ${told.code ?? 'success'}`)
      await sleep(20)
    }
  }

  /** A crowd now and then, of which some are refused, by name. */
  async crowd(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.all(Array.from({ length: CROWD }, () => this.#oneOfCrowd()))
      await sleep(this.#random() * MOST_CALM_MS)
    }
  }

  /** After all have ended: every one is known, has ended as it was meant to, once, and as it was told then. */
  async assertEnds(): Promise<void> {
    const listed = new Map((await this.#node.client.list()).map((view) => [view.id, view]))
    const certain = new Map<string, Meant>()
    for (const [id, { kind, meant, end }] of this.known) {
      assert.ok(end, `${id} has not ended`)
      assert.deepEqual(listed.get(id), end, `I1, I2: ${id}`)
      if (end.status === 'succeeded') assert.deepEqual([end.exitCode, meant.exitCode], [0, 0], `I5: ${id}`)
      if (this.disturbed.has(id)) continue
      if (kind === 'cancelled') assert.equal(end.status, 'cancelled', `${id}: ${end.message}`)
      else certain.set(id, meant)
    }
    await assertExecutions(this.#node, certain)
  }

  async #live(kind: Kind): Promise<void> {
    const { id, body, meant } = this.#make(kind)
    if (!(await this.#submit(body, { kind, meant }))) {
      await sleep(200)
      return
    }
    if (kind === 'cancelled') await this.#cancel(id)
    if (kind === 'paused') await this.#pause(id)
    await this.#untilEnded(id)
  }

  async #oneOfCrowd(): Promise<void> {
    const { id, body, meant } = this.#make('short')
    const large = { ...body, task: { image: this.#images.shell, ...body.task, resources: CROWD_RESOURCES } }
    if (await this.#submit(large, { kind: 'short', meant })) await this.#untilEnded(id)
  }

  async #cancel(id: string): Promise<void> {
    await sleep(this.#random() * 2000)
    await this.#control(id, 'cancel')
  }

  async #pause(id: string): Promise<void> {
    await sleep(this.#random() * 1500)
    await this.#control(id, 'pause')
    await sleep(500)
    await this.#control(id, 'resume')
  }

  #make(kind: Kind): SmallExecution {
    const id = `${kind}-${this.#made++}`
    return smallExecution(id, this.#images.shell, { seconds: SECONDS[kind], exitCode: kind === 'failing' ? 3 : 0 })
  }

  /** False when it was refused. */
  async #submit(body: ExecutionBody, known: Known): Promise<boolean> {
    const id = body.id ?? ''
    const answer = await this.#post('/v1/executions', body, { 'idempotency-key': id })
    if (answer.status < 300) this.known.set(id, known)
    return this.#judge('submit', answer)
  }

  /** It may have ended, or not run yet. */
  async #control(id: string, verb: 'cancel' | 'pause' | 'resume'): Promise<void> {
    this.#judge(verb, await this.#post(`/v1/executions/${id}/${verb}`))
  }

  async #untilEnded(id: string): Promise<void> {
    const end = await this.#node.ask((client) => client.wait(id))
    assert.ok(isTerminal(end.status))
    this.#count(`${id.split('-')[0]} ${end.status}${end.reason === undefined ? '' : `/${end.reason}`}`)
    const known = this.known.get(id)
    if (known !== undefined) known.end = end
  }

  #judge(what: string, { status, text }: HttpAnswer): boolean {
    if (status < 300) return true
    const { code } = JSON.parse(text) as Problem
    assert.ok(REFUSALS.includes(status) && code !== 'internal', `${what}: ${status} ${text}`)
    this.#count(`${what} ${code}`)
    return false
  }

  async #post(path: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const address = `unix:${this.#node.home.runDir}/errand.sock`
    const given = body === undefined ? {} : { body: JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const call: HttpCall = { method: 'POST', path, headers: { ...type, ...headers }, ...given }
    return this.#node.ask(() => httpCall(address, call))
  }

  #pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    const [first] = from
    const picked = from[Math.floor(this.#random() * from.length)] ?? first
    assert.ok(picked !== undefined)
    return picked
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}
