import type { RequestListener } from 'node:http'

/** What one listener serves. At least one. */
export interface Faces {
  readonly meca?: RequestListener | undefined
  readonly v1?: RequestListener | undefined
}

const V1 = /^\/v1(?:[/?]|$)/

/** Hands each request to the face whose path it has. Only one face: that one answers for all. */
export function handlerOf({ meca, v1 }: Faces): RequestListener {
  const fallback = meca ?? v1
  if (fallback === undefined) throw new Error('a listener has at least one face')
  if (v1 === undefined || fallback === v1) return fallback
  return (request, response) => (V1.test(request.url ?? '') ? v1 : fallback)(request, response)
}
