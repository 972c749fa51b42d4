import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { DockerEngine } from '../../src/engine/docker/docker-engine.ts'
import { testExecutor } from '../../src/executor/conformance.ts'
import { DOCKER_SOCKET, tracesOf } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'
import { scale } from '../support/scale.ts'

const images = Promise.all([ensureImage('busybox'), engineImages()]).then(([shell, { serves, lacksCommand }]) => ({
  shell,
  awk: '/bin/awk',
  serves,
  lacksCommand,
}))

testExecutor({
  name: 'docker',
  open: async (signal, installation) =>
    DockerEngine.open(
      { socketPath: DOCKER_SOCKET, installation, network: { kind: 'absent' }, executions: { allowEgress: false } },
      signal,
    ),
  images: async () => images,
  leftovers: tracesOf,
  rounds: scale(10, 300),
  skip: [],
})
