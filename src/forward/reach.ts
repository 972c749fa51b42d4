import type { Socket } from 'node:net'
import type { Endpoint } from '../core/endpoint.ts'
import type { Reach } from '../instance/readiness.ts'
import { abortable } from '../util/abort.ts'
import { http } from '../util/node-http.ts'
import { dial } from './dial.ts'
import { isShortage } from './failures.ts'

/** Whether a server is up, by connections of their own that are not kept. */
export const reach: Reach = {
  async accepts(endpoint, signal) {
    const dialled = await tryDial(endpoint, signal)
    if (dialled instanceof Error) return false
    dialled.destroy()
    return true
  },

  async answers(endpoint, path, signal) {
    const dialled = await tryDial(endpoint, signal)
    const status = dialled instanceof Error ? undefined : await askStatus(dialled, path, signal)
    return status !== undefined && status < 400
  },
}

/**
 * Whether anything at all answers HTTP there, whatever the status; true as well where this host cannot ask, since that
 * says nothing of the server. Rejects with the signal's reason.
 */
export async function isResponsive(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  const dialled = await tryDial(endpoint, signal)
  if (dialled instanceof Error) return isShortage(dialled)
  return (await askStatus(dialled, '/', signal)) !== undefined
}

async function askStatus(socket: Socket, path: string, signal: AbortSignal): Promise<number | undefined> {
  using _cut = { [Symbol.dispose]: () => void socket.destroy() }
  return await abortable(getStatus(socket, path), signal)
}

/** The error when refused. A connection that comes after the abort is closed. */
function tryDial(endpoint: Endpoint, signal: AbortSignal): Promise<Socket | Error> {
  const dialled = new Promise<Socket | Error>((resolve) => {
    dial(endpoint, (refused, socket) => {
      if (signal.aborted) socket?.destroy()
      resolve(socket ?? refused ?? new Error('refused'))
    })
  })
  return abortable(dialled, signal)
}

function getStatus(socket: Socket, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = http.request({ path, createConnection: () => socket, headers: { host: 'task' } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', () => resolve(undefined)).end()
  })
}
