import { systemClock } from '../../core/clock.ts'
import { randomId } from '../../core/ids.ts'
import { DockerEngine } from '../../engine/docker/docker-engine.ts'
import type { Config } from '../config/config.ts'
import { type Preflight, type PreflightTerms, preflight } from './preflight.ts'

/**
 * Tries an image on the Docker Engine of a configuration, beside any daemon that is at work: as an installation of its own,
 * with no network.
 * @throws as `preflight`
 */
export async function preflightImage(
  { docker }: Pick<Config, 'docker'>,
  terms: PreflightTerms,
  signal: AbortSignal,
): Promise<Preflight> {
  const options = { socketPath: docker.socketPath, installation: randomId(), network: { kind: 'absent' } } as const
  await using engine = await DockerEngine.open(options, signal)
  return await preflight(engine, terms, systemClock, signal)
}
