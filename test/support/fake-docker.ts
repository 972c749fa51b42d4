import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'

/** The fake engine under the name by which executions ask for an engine when they do not say. */
export class FakeDocker extends FakeEngine {
  override readonly name = 'docker'
}
