import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { formatImageReference, parseImageReference } from '../../core/image-reference.ts'
import { PRESETS, type PresetName } from '../../core/presets.ts'
import type { Engine, SandboxProfile } from '../../engine/engine.ts'
import { type Trial, type TrialTerms, tryImage } from './trial.ts'
import { judge, type Rule } from './trial-rules.ts'

/** What becomes of an image here, before anybody depends on it. */
export interface Preflight {
  /** As it was asked for. */
  readonly image: string
  readonly profile: SandboxProfile
  readonly outcome: 'runs on' | 'ended well' | 'failed'
  /** The rule that it hit; absent where it did not fail. */
  readonly rule?: Rule
  readonly found: string
  readonly advice?: string
  /** With which it was seen not to fail. */
  readonly preset?: PresetName
  /** It failed, and does not under the profile `standard`. */
  readonly runsUnderStandard?: boolean
  /** The end of what it printed. */
  readonly output: string
}

export interface PreflightTerms {
  readonly image: string
  readonly profile: SandboxProfile
  readonly memoryBytes: number
  readonly forMs: number
}

/**
 * Runs an image under a profile for a short while. Where it fails, names the rule that it hit, and tries what would mend it.
 * @throws image_not_found when it is not on this machine; validation_failed; as the engine's calls
 */
export async function preflight(
  engine: Engine,
  { image, ...terms }: PreflightTerms,
  clock: Clock,
  signal: AbortSignal,
): Promise<Preflight> {
  const reference = parseImageReference(image)
  const found = await engine.images.find(reference, signal)
  if (found === undefined) {
    const name = formatImageReference(reference)
    throw new ErrandError('image_not_found', `${name} is not on this machine: docker pull ${name}`)
  }
  const attempt = async (more: Partial<TrialTerms> = {}): Promise<Trial> =>
    tryImage(engine, { ...terms, ...more, imageId: found.id }, clock, signal)
  const trial = await attempt()
  const { profile } = terms
  const facts = { image, profile, output: trial.output }
  const verdict = judge(trial)
  if (verdict === undefined) return { ...facts, ...describeGood(trial, terms.forMs) }
  const { rule, presets } = verdict
  const failed = { ...facts, outcome: 'failed', rule, found: verdict.found } as const
  for (const preset of presets) {
    const mended = await attempt({ preset: PRESETS[preset] })
    if (judge(mended) === undefined) {
      return { ...failed, preset, advice: `${verdict.advice}, or grant the preset ${preset}: it runs with that` }
    }
  }
  if (profile === 'standard') return { ...failed, advice: verdict.advice }
  const runsUnderStandard = judge(await attempt({ profile: 'standard' })) === undefined
  const advice = runsUnderStandard ? `${verdict.advice}; it runs under the profile standard` : verdict.advice
  return { ...failed, runsUnderStandard, advice }
}

function describeGood({ exit }: Trial, forMs: number): Pick<Preflight, 'outcome' | 'found'> {
  if (exit === undefined)
    return { outcome: 'runs on', found: `still runs after ${forMs / 1000} s: fit for a warm task` }
  return {
    outcome: 'ended well',
    found: 'ended by itself with exit status 0: fit for an execution, not for a warm task',
  }
}
