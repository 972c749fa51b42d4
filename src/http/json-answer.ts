import type { ServerResponse } from 'node:http'

/** Answers 200 with a JSON text, in one write. */
export function sendJson(response: ServerResponse, json: string): void {
  response.writeHead(200, ['content-type', 'application/json', 'content-length', `${Buffer.byteLength(json)}`])
  response.end(json)
}

/** Answers 200 with JSON of a length that will show. */
export function beginJson(response: ServerResponse): void {
  response.writeHead(200, ['content-type', 'application/json'])
}
