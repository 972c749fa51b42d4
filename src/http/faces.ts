import type { RequestListener } from 'node:http'
import type { FaceName } from './listener-config.ts'

/** What one listener serves. At least one. */
export type Faces = Readonly<Partial<Record<FaceName, RequestListener | undefined>>>

/** Where each face is. The MECA face has the root, and all that is nobody else's. */
const PATHS: readonly (readonly [Exclude<FaceName, 'meca'>, RegExp])[] = [
  ['v1', /^\/v1(?:[/?]|$)/],
  ['docs', /^\/(?:docs|openapi\.json)(?:[/?]|$)/],
  ['metrics', /^\/metrics(?:\?|$)/],
]

/** Hands each request to the face whose path it has. Only one face: that one answers for all. */
export function handlerOf(faces: Faces): RequestListener {
  const others = PATHS.flatMap(([name, path]) => {
    const listener = faces[name]
    return listener === undefined ? [] : [{ path, listener }]
  })
  const fallback = faces.meca ?? others[0]?.listener
  if (fallback === undefined) throw new Error('a listener has at least one face')
  if (others.every(({ listener }) => listener === fallback)) return fallback
  return (request, response) => {
    const url = request.url ?? ''
    // Most requests are for the root of the MECA face.
    const found = url.length < '/v1'.length ? undefined : others.find(({ path }) => path.test(url))
    ;(found?.listener ?? fallback)(request, response)
  }
}
