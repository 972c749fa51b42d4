import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { Endpoint } from '../core/endpoint.ts'
import type { Reach } from '../instance/readiness.ts'
import { abortable } from '../util/abort.ts'
import { dial } from './dial.ts'

/** Whether a server is up, by connections of their own that are not kept. */
export const reach: Reach = {
  async accepts(endpoint, signal) {
    const socket = await tryDial(endpoint, signal)
    socket?.destroy()
    return socket !== undefined
  },

  async answers(endpoint, path, signal) {
    const status = await askStatus(endpoint, path, signal)
    return status !== undefined && status < 400
  },
}

/** Whether anything at all answers HTTP there, whatever the status. Rejects with the signal's reason. */
export async function isResponsive(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  return (await askStatus(endpoint, '/', signal)) !== undefined
}

async function askStatus(endpoint: Endpoint, path: string, signal: AbortSignal): Promise<number | undefined> {
  const socket = await tryDial(endpoint, signal)
  if (socket === undefined) return undefined
  using _cut = { [Symbol.dispose]: () => void socket.destroy() }
  return await abortable(getStatus(socket, path), signal)
}

/** Undefined when refused. A connection that comes after the abort is closed. */
function tryDial(endpoint: Endpoint, signal: AbortSignal): Promise<Socket | undefined> {
  const dialled = new Promise<Socket | undefined>((resolve) => {
    dial(endpoint, (_refused, socket) => {
      if (signal.aborted) socket?.destroy()
      resolve(socket ?? undefined)
    })
  })
  return abortable(dialled, signal)
}

function getStatus(socket: Socket, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ path, createConnection: () => socket, headers: { host: 'task' } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', () => resolve(undefined)).end()
  })
}
