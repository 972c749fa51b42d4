import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Caller } from '../../core/caller.ts'
import type { Cancellation } from '../../core/cancellation.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Invocation, NodeApi, TaskAnswer } from '../../service/node-api.ts'
import type { ByteBudget } from '../../util/byte-budget.ts'
import { withAccessLog } from '../access-log.ts'
import { noMemory, toAnswerable } from '../answerable.ts'
import { cancelOnDisconnect } from '../disconnect.ts'
import { RequestGuard } from '../guards.ts'
import { type HttpMeter, type MeteringDeps, meterRequest, OTHER_ROUTE } from '../http-meter.ts'
import { sendJson } from '../json-answer.ts'
import type { Outbox } from '../outbox.ts'
import { bareRefusal, type Refusal, refusal, refuse } from '../refusal.ts'
import { type BodyLimits, gatherBody } from '../request-body.ts'
import { bodyBytes, failure, isLarge, taskAnswer, taskAnswerPieces, type Wording } from './answers.ts'
import { type ControlCall, pause, stop, unpause, updateConfig } from './control.ts'
import { parseExecutionRequest } from './execution-request.ts'
import { MalformedRequest, type OnUnknownKey } from './fields.ts'
import { MECA_ROUTES, type MecaPath, type MecaRoute } from './routes.ts'
import { statsBody } from './stats.ts'

export interface MecaOptions {
  readonly node: NodeApi
  /** Whom every request of this listener counts as. */
  readonly caller: Caller
  /** Whether `/pause`, `/unpause`, `/update-config` and `/stop` are served; else they answer 403. */
  readonly hasControl: boolean
  /** False for a unix socket, which needs no guard against browsers. */
  readonly isTcp: boolean
  /** Names beside IP literals and localhost that a Host header may say, each with a port or good for all. */
  readonly allowedHosts: readonly string[]
  readonly maxRequestBytes: number
  /** What all bodies of requests under way may hold in memory, on all listeners. */
  readonly bodies: ByteBudget
  readonly outbox: Outbox
  /** Answers worded exactly as the original's: a task's answer is a success whatever its status, no added fields. */
  readonly strictCompat: boolean
  readonly log: Log
  readonly accessLog: boolean
  readonly meter?: HttpMeter | undefined
  /** Called after `POST /stop` was answered (or its caller left): time to end the process. Called once. */
  readonly onStop?: () => void
  readonly clock?: Clock
}

const BAD_EXECUTION = bareRefusal(400, 'Bad execution request')
const BAD_RECONFIGURATION = bareRefusal(400, 'Bad reconfiguration request')
const NOT_FOUND = refusal(404, 'there is nothing at this path')
const NO_CONTROL = refusal(403, 'this listener has no control routes; see `control` in the configuration')
const HEALTHY = '{"status":"ok"}'

/** The HTTP face of the MECAnywhere executor: its paths, field names and answers, with a code beside each failure. */
export function mecaHandler(options: MecaOptions): RequestListener {
  const face = new MecaFace(options)
  const listener: RequestListener = (request, response) => face.handle(request, response)
  return options.accessLog ? withAccessLog(listener, options.log, options.clock ?? systemClock) : listener
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

interface Route extends MecaRoute {
  readonly handle: Handle
}

class MecaFace {
  readonly #options: MecaOptions
  readonly #guard: RequestGuard
  readonly #bodyLimits: BodyLimits
  readonly #wording: Wording
  readonly #metering: MeteringDeps
  readonly #onUnknownKey: OnUnknownKey
  readonly #onStop: () => void
  readonly #routes: ReadonlyMap<string, Route>

  constructor(options: MecaOptions) {
    this.#options = options
    this.#guard = new RequestGuard(options)
    this.#metering = { meter: options.meter, clock: options.clock ?? systemClock }
    this.#bodyLimits = { limitBytes: options.maxRequestBytes, budget: options.bodies }
    this.#wording = options.strictCompat ? 'strict' : 'rich'
    this.#onUnknownKey = warnOnce(options.log)
    this.#onStop = once(options.onStop ?? (() => {}))
    const handles: Record<MecaPath, Handle> = {
      '/': (request, response) => this.#execute(request, response),
      '/stats': (_request, response) => this.#stats(response),
      '/health': (_request, response) => this.#send(response, HEALTHY),
      '/pause': this.#control(pause),
      '/unpause': this.#control(unpause),
      '/update-config': this.#control(updateConfig),
      '/stop': this.#control(stop),
    }
    this.#routes = new Map(MECA_ROUTES.map((route) => [route.path, { ...route, handle: handles[route.path] }]))
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const route = this.#guard.check(request) ?? this.#route(request)
    meterRequest(this.#metering, 'meca', 'path' in route ? route.path : OTHER_ROUTE, request, response)
    if ('handle' in route) route.handle(request, response)
    else refuse(request, response, route)
  }

  #route({ url = '', method }: IncomingMessage): Route | Refusal {
    const route = this.#routes.get(url) ?? this.#routes.get(url.split('?', 1)[0] ?? '')
    if (route === undefined) return NOT_FOUND
    return route.method === method ? route : refusal(405, `this path takes ${route.method}`, route.method)
  }

  #execute(request: IncomingMessage, response: ServerResponse): void {
    const cancellation = cancelOnDisconnect(response)
    this.#gather(request, response, (body) => {
      const invocation = this.#parse(request, response, body)
      if (invocation !== undefined) void this.#invoke(response, invocation, cancellation)
    })
  }

  #gather(request: IncomingMessage, response: ServerResponse, onBody: (body: Buffer) => void): void {
    gatherBody(request, response, this.#bodyLimits, onBody, () => this.#fail(response, noMemory()))
  }

  /** Not where the answer is awaited: the body would be kept beside the input until then. */
  #parse(request: IncomingMessage, response: ServerResponse, body: Buffer): Invocation | undefined {
    try {
      return { caller: this.#options.caller, ...parseExecutionRequest(body, this.#onUnknownKey) }
    } catch (thrown) {
      if (thrown instanceof MalformedRequest) refuse(request, response, BAD_EXECUTION)
      else this.#fail(response, thrown)
      return undefined
    }
  }

  /** Answers every failure itself, so it never rejects. */
  async #invoke(response: ServerResponse, invocation: Invocation, cancellation: Cancellation): Promise<void> {
    try {
      const answer = await this.#options.node.invoke(invocation, cancellation)
      if (cancellation.reason === undefined) this.#sendAnswer(response, answer)
    } catch (thrown) {
      this.#fail(response, thrown)
    }
  }

  #sendAnswer(response: ServerResponse, answer: TaskAnswer): void {
    if (!isLarge(answer)) this.#send(response, taskAnswer(answer, this.#wording))
    else this.#options.outbox.stream(response, bodyBytes(answer), taskAnswerPieces(answer, this.#wording))
  }

  #send(response: ServerResponse, json: string): void {
    sendJson(response, json)
    this.#options.outbox.watch(response)
  }

  #stats(response: ServerResponse): void {
    try {
      this.#send(response, JSON.stringify(statsBody(this.#options.node.stats())))
    } catch (thrown) {
      this.#fail(response, thrown)
    }
  }

  #control(call: ControlCall): Handle {
    const { node, hasControl } = this.#options
    if (!hasControl) return (request, response) => refuse(request, response, NO_CONTROL)
    const deps = { node, wording: this.#wording, onUnknownKey: this.#onUnknownKey, onStop: this.#onStop }
    const answer = async (request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> => {
      try {
        this.#send(response, await call(deps, body, response))
      } catch (thrown) {
        if (thrown instanceof MalformedRequest) refuse(request, response, BAD_RECONFIGURATION)
        else this.#fail(response, thrown)
      }
    }
    return (request, response) => {
      this.#gather(request, response, (body) => void answer(request, response, body))
    }
  }

  /** A caller that left gets no answer; writing to its closed response does nothing. */
  #fail(response: ServerResponse, thrown: unknown): void {
    const error = toAnswerable(thrown)
    if (error.code === 'internal') this.#options.log.error({ err: thrown }, 'a request failed for a fault of ours')
    this.#send(response, failure(error, this.#wording))
  }
}

function warnOnce(log: Log): OnUnknownKey {
  return once((key) => {
    log.warn({ key: key.slice(0, 64) }, 'unknown keys in request bodies are ignored; this is the first one seen here')
  })
}

function once<Args extends unknown[]>(act: (...args: Args) => void): (...args: Args) => void {
  let isDone = false
  return (...args) => {
    if (isDone) return
    isDone = true
    act(...args)
  }
}
