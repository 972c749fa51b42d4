import type { EngineSurvey } from '../../engine/engine-survey.ts'
import { PROBE } from '../../engine/fake/fake-probe.ts'

/** An engine on which there is nothing to find fault with. */
export const SURVEY: EngineSurvey = {
  probe: { ...PROBE, version: '28.2.2', storageFolder: '/var/lib/docker' },
  apiVersion: '1.50',
  components: new Map([
    ['engine', '28.2.2'],
    ['containerd', '1.7.27'],
    ['runc', '1.3.3'],
  ]),
  cgroup: { version: '2', driver: 'systemd' },
  storage: { driver: 'overlay2', fileSystem: 'xfs' },
  logDriver: 'local',
  hasSeccomp: true,
  authorizationPlugins: [],
  joinsNeighbours: false,
  runtimePaths: new Map([['runc', 'runc']]),
}
