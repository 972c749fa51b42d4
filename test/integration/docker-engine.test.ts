import { randomId } from '../../src/core/ids.ts'
import { testEngine } from '../../src/engine/conformance.ts'
import { docker, openDocker, tracesOf } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'

const installation = randomId()

testEngine({
  name: 'docker',
  open: async () => openDocker({ installation }),
  images: engineImages,
  tag: async (_engine, imageId, name) => void (await docker('tag', imageId, name)),
  leftovers: async () => tracesOf(installation),
  skip: [],
})
