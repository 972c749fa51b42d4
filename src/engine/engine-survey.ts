import type { EngineProbe } from './engine.ts'

/** What an engine and its host say of themselves, for an operator: nothing that work depends on. */
export interface EngineSurvey {
  readonly probe: EngineProbe
  /** The newest that it speaks. */
  readonly apiVersion: string
  /** Versions of what it is made of, by name in lower case, as the packages have them where that is told. */
  readonly components: ReadonlyMap<string, string>
  readonly cgroup: { readonly version: string; readonly driver: string }
  readonly storage: { readonly driver: string; readonly fileSystem: string | undefined }
  readonly logDriver: string
  readonly hasSeccomp: boolean
  readonly authorizationPlugins: readonly string[]
  /** Containers on its default network reach each other; undefined where it has none. */
  readonly joinsNeighbours: boolean | undefined
  /** The program behind each OCI runtime, where it is told. */
  readonly runtimePaths: ReadonlyMap<string, string>
  /** The network that was asked about, and why tasks cannot be put on it. */
  readonly namedNetwork?: { readonly name: string; readonly refusal: string | undefined }
}
