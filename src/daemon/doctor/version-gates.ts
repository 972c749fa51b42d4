import { type Finding, ok, problem, warning } from './finding.ts'
import { debianRevision, isAtLeast, isWithin, parseVersion, type Version } from './version.ts'

/** A hole, or a fault, that versions of a component have. */
interface Gate {
  readonly level: 'warning' | 'problem'
  readonly isHit: (version: Version, host: GatedHost) => boolean
  readonly found: string
  readonly advice: string
  /** What it exposes of work under the profile `strict`, which is refused then; absent where that loses nothing of what it promises. */
  readonly exposes?: Exposed
}

/** Every task; those that the component runs; those on an internal network on which names are looked up. */
type Exposed = 'all' | 'own' | 'names'

/** What decides whether a hole matters here. */
export interface GatedHost {
  readonly hasAuthorizationPlugins: boolean
}

export type GatedComponent = 'Docker Engine' | 'containerd' | 'runc' | 'runsc' | 'kata' | 'NVIDIA toolkit'

/** The worst first: the first that is hit is told. Numbers are those of the makers' advisories. */
const GATES: Record<GatedComponent, readonly Gate[]> = {
  'Docker Engine': [
    {
      level: 'problem',
      isHit: (version) => isWithin(version, '23.0', '24.0.3'),
      found: 'reports exit status 0 for containers that a hard reboot ended',
      advice: 'update the Docker Engine to 25.0.5 or later',
    },
    {
      level: 'warning',
      isHit: (version, { hasAuthorizationPlugins }) => hasAuthorizationPlugins && !isAtLeast(version, '29.3.1'),
      found: 'can be talked past its authorization plugins',
      advice: 'update the Docker Engine to 29.3.1 or later, or do not rely on such plugins',
    },
    {
      level: 'warning',
      isHit: (version) => !isAtLeast(version, '25.0.5'),
      found: 'answers name look-ups from internal networks: a way out for data (CVE-2024-29018)',
      advice: 'update the Docker Engine to 25.0.5 or later; executions without a network are not affected',
      exposes: 'names',
    },
  ],
  containerd: [
    {
      level: 'warning',
      isHit: (version) => !isAtLeast(version, '1.6.28') || isWithin(version, '1.7', '1.7.13'),
      found: 'is older than its fixes of early 2024, unless a distribution has brought them in',
      advice: 'update containerd to 1.6.28, 1.7.13 or later',
      exposes: 'all',
    },
  ],
  runc: [
    {
      level: 'problem',
      isHit: (version) => !isAtLeast(version, '1.1.12') && !isPatchedByDebian(version),
      found: 'lets a container out through a file left open (CVE-2024-21626)',
      advice: 'update runc to 1.2.8, 1.3.3 or later, or to the security update of the distribution',
      exposes: 'own',
    },
    {
      level: 'warning',
      isHit: (version) =>
        !isAtLeast(version, '1.2.8') ||
        isWithin(version, '1.3', '1.3.3') ||
        isWithin(version, '1.4.0-rc.1', '1.4.0-rc.3'),
      found: 'is not known to have the fixes of CVE-2025-31133, -52565 and -52881',
      advice: 'update runc to 1.2.8, 1.3.3 or later, or look for them in the change log of the package',
      exposes: 'own',
    },
  ],
  runsc: [
    {
      level: 'warning',
      isHit: (version) => !isAtLeast(version, '20250101'),
      found: 'is an old build of gVisor: fine for a try, no promise of isolation',
      advice: 'update runsc to a build of this year',
      exposes: 'own',
    },
  ],
  kata: [
    // No version tells: it may concern any, and refusing all would take the isolation away from those that are mended.
    {
      level: 'warning',
      isHit: () => true,
      found: 'may let the root of a guest become root here, with runtime-rs (GHSA-2gv2-cffp-j227)',
      advice: 'compare this version with the advisory',
    },
  ],
  'NVIDIA toolkit': [
    {
      level: 'problem',
      isHit: (version) => !isAtLeast(version, '1.17.8'),
      found: 'lets a container with a GPU out (CVE-2025-23266)',
      advice: 'update the NVIDIA Container Toolkit to 1.17.8 or later',
    },
  ],
}

/** Debian 12 brought the fix into 1.1.5 with the first update of its package. */
function isPatchedByDebian(version: Version): boolean {
  return isAtLeast(version, '1.1.5') && (debianRevision(version, 12) ?? 0) >= 1
}

/** What is known of a component's version. */
export function checkVersion(component: GatedComponent, text: string, host: GatedHost): Finding {
  const version = parseVersion(text)
  if (version === undefined) return warning(component, `${text}: no version that we can read`, 'look it up by hand')
  const hit = GATES[component].find(({ isHit }) => isHit(version, host))
  if (hit === undefined) return ok(component, version.text)
  const tell = hit.level === 'problem' ? problem : warning
  return tell(component, `${version.text} ${hit.found}`, hit.advice)
}

/** A hole that exposes work under the profile `strict`. */
export interface Hole {
  readonly component: GatedComponent
  readonly exposes: Exposed
  /** Version and hole, in words. */
  readonly found: string
  readonly advice: string
}

/** The worst hole of each kind that a version is known to have. One that cannot be read is known to have none. */
export function holesOf(component: GatedComponent, text: string): Hole[] {
  const version = parseVersion(text)
  if (version === undefined) return []
  const holes = GATES[component].flatMap(({ isHit, exposes, found, advice }): Hole[] => {
    if (exposes === undefined || !isHit(version, { hasAuthorizationPlugins: false })) return []
    return [{ component, exposes, found: `${component} ${version.text} ${found}`, advice }]
  })
  return holes.filter(({ exposes }, index) => holes.findIndex((other) => other.exposes === exposes) === index)
}
