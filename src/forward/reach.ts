import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { Endpoint } from '../core/endpoint.ts'
import type { Reach } from '../instance/readiness.ts'
import { dial } from './dial.ts'

/** Whether a server is up, by connections of their own that are not kept. */
export const reach: Reach = {
  async accepts(endpoint, signal) {
    const socket = await tryDial(endpoint, signal)
    socket?.destroy()
    return socket !== undefined
  },

  async answers(endpoint, path, signal) {
    const socket = await tryDial(endpoint, signal)
    if (socket === undefined) return false
    using _cut = { [Symbol.dispose]: () => void socket.destroy() }
    return await isAnsweredWell(socket, path, signal)
  },
}

function tryDial(endpoint: Endpoint, signal: AbortSignal): Promise<Socket | undefined> {
  signal.throwIfAborted()
  return new Promise((resolve) => {
    dial(endpoint, (_refused, socket) => {
      if (signal.aborted) socket?.destroy()
      resolve(socket ?? undefined)
    })
  })
}

function isAnsweredWell(socket: Socket, path: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ path, signal, createConnection: () => socket, headers: { host: 'task' } }, (response) => {
      response.resume()
      resolve((response.statusCode ?? 500) < 400)
    })
    asked.on('error', () => resolve(false)).end()
  })
}
