import { DEFAULT_RESOURCES } from '../core/resources.ts'
import type { SandboxSpec } from './engine.ts'

/** A sandbox as warm tasks have it, for tests that care for no part of it but `changes`. */
export function plainSpec(imageId: string, changes: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    imageId,
    resources: DEFAULT_RESOURCES,
    runtime: 'runc',
    profile: 'standard',
    process: {},
    network: 'tasks',
    port: 8080,
    hasSocket: false,
    ...changes,
  }
}
