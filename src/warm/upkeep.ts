import type { Instance } from '../instance/instance.ts'

/** Told which processes are ours, so that their use of the host is not taken for somebody else's. */
export interface InstanceTracker {
  track(instanceId: string, pid: number): void
  untrack(instanceId: string): void
}

/** As long as the instance is there, its image stays and its processes count as ours. */
export function keepUp({ id, pid, gone }: Instance, image: Disposable, tracker: InstanceTracker): void {
  if (pid !== undefined) tracker.track(id, pid)
  void gone.then(() => {
    image[Symbol.dispose]()
    if (pid !== undefined) tracker.untrack(id)
  })
}
