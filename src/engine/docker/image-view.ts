import { ErrandError } from '../../core/errors.ts'
import { fullName, parseImageReference } from '../../core/image-reference.ts'
import type { Image } from '../engine.ts'
import type { ImageAnswer } from './answers/images.ts'

const MS_PER_SECOND = 1000

/** An image in our words. Pure. */
export function toImage(answer: ImageAnswer): Image {
  return {
    id: answer.Id,
    tags: answer.RepoTags.map(toFullName),
    digests: answer.RepoDigests.map(toFullName),
    sizeBytes: answer.Size,
    createdMs: toWallMs(answer.Created),
  }
}

/** A name that only the Engine's grammar knows is kept as it is: it must not pass for no name at all. */
function toFullName(name: string): string {
  try {
    return fullName(parseImageReference(name))
  } catch (error) {
    if (error instanceof ErrandError) return name
    throw error
  }
}

function toWallMs(created: string | number | null | undefined): number | undefined {
  const ms = typeof created === 'number' ? created * MS_PER_SECOND : Date.parse(created ?? '')
  // Images without a date say year 1, or the epoch.
  return ms > 0 ? ms : undefined
}
