import type { Resources } from '../core/resources.ts'
import type { InstanceImage } from '../instance/instance.ts'

/** One that the engine has been asked for, and that is not ready yet. It has its room. */
export interface StartingInstance {
  readonly id: string
  /** What its lease holds. */
  readonly resources: Resources
  readonly image: InstanceImage
}
