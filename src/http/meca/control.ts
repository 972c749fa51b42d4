import type { ServerResponse } from 'node:http'
import type { NodeApi } from '../../service/node-api.ts'
import { done, type Wording } from './answers.ts'
import type { OnUnknownKey } from './fields.ts'
import { describeGrant, parseReconfigureRequest } from './reconfigure-request.ts'

interface ControlDeps {
  readonly node: NodeApi
  readonly wording: Wording
  readonly onUnknownKey: OnUnknownKey
  /** Called once `POST /stop` has been answered or its caller is gone, and nothing of the node is left. */
  readonly onStop: () => void
}

/** Resolves with the JSON text to answer. @throws MalformedRequest or ErrandError */
export type ControlCall = (deps: ControlDeps, body: Buffer, response: ServerResponse) => Promise<string>

export const pause: ControlCall = async ({ node, wording }) => {
  await node.pause()
  return done('paused: no request in flight, every task removed', wording)
}

export const unpause: ControlCall = async ({ node, wording }) => {
  await node.unpause()
  return done('running', wording)
}

export const updateConfig: ControlCall = async ({ node, wording, onUnknownKey }, body) => {
  const grant = await node.reconfigure(parseReconfigureRequest(body, onUnknownKey))
  return done('configuration replaced', wording, describeGrant(grant))
}

export const stop: ControlCall = async ({ node, wording, onStop }, _body, response) => {
  await node.stop()
  response.shouldKeepAlive = false
  if (response.closed) onStop()
  else response.once('close', onStop)
  return done('stopped: every task removed', wording)
}
