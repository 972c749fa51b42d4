import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Ends a connection at once. A reset lets go of what the kernel holds too, and cannot be taken for an end; only TCP has it. */
export function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined || 'encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}

/** Breaks an answer off, so that its reader knows that it has not got everything. */
export function breakOff(response: ServerResponse): void {
  // For HTTP/1.0 a body ends with its connection: a proper end would make it a whole one.
  if (response.req.httpVersionMinor === 0 && response.socket !== null) reset(response.socket)
  else response.destroy()
}
