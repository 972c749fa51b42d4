export type MecaPath = '/' | '/stats' | '/health' | '/pause' | '/unpause' | '/update-config' | '/stop'

/** One path of the MECA face, which takes one method. */
export interface MecaRoute {
  readonly path: MecaPath
  readonly method: 'GET' | 'POST'
  /** Whether it changes the node, so that a listener may be without it. */
  readonly isControl: boolean
}

/** Everything that the MECA face serves. */
export const MECA_ROUTES: readonly MecaRoute[] = [
  { path: '/', method: 'POST', isControl: false },
  { path: '/stats', method: 'GET', isControl: false },
  { path: '/health', method: 'GET', isControl: false },
  { path: '/pause', method: 'POST', isControl: true },
  { path: '/unpause', method: 'POST', isControl: true },
  { path: '/update-config', method: 'POST', isControl: true },
  { path: '/stop', method: 'POST', isControl: true },
]
