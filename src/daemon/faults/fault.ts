/**
 * Calls of the daemon, before and after which a test can end it: each changes something that outlives it. Those of the
 * journal are named after what is kept: a status, with the engine call that is about to follow, where one is.
 */
export const FAULT_POINTS = [
  'journal.insert',
  'journal.save.queued',
  'journal.save.pulling',
  'journal.save.creating',
  'journal.save.creating.create',
  'journal.save.creating.start',
  'journal.save.running',
  'journal.save.finalizing',
  'journal.save.ended',
  'image.pull',
  'container.create',
  'container.start',
  'container.signal',
  'container.remove',
  'log.attach',
  'output.collect',
] as const

export type FaultPoint = (typeof FAULT_POINTS)[number]

export type FaultMoment = 'before' | 'after'

/** Where the daemon is to die, as `kill -9` does it, when it comes there first. */
export interface Fault {
  readonly moment: FaultMoment
  readonly point: FaultPoint
}

const FAULT = /^(before|after):([a-z.]+):kill9$/

/** `after:container.create:kill9`; undefined for anything else. */
export function parseFault(text: string): Fault | undefined {
  const [, moment, name] = FAULT.exec(text) ?? []
  const point = FAULT_POINTS.find((known) => known === name)
  if (point === undefined) return undefined
  return { moment: moment === 'before' ? 'before' : 'after', point }
}
