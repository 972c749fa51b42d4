import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { SERVED, testExecutor } from './conformance.ts'
import { FAKE_SHELL } from './fake-programs.fixture.ts'

/** One host for all executors of the suite: it stays when one of them lets go of it. */
class FakeHost extends FakeEngine {
  override async [Symbol.asyncDispose](): Promise<void> {}
}

const host = new FakeHost()

testExecutor({
  name: 'fake',
  open: async () => host,
  images: async () => ({
    shell: host.addImage('shell', FAKE_SHELL).id,
    awk: '/bin/awk',
    serves: host.addImage('serves', { mark: 'ready', serve: (_request, response) => response.end(SERVED) }).id,
    lacksCommand: host.addImage('lacks-command', {
      run: async (process) => {
        process.print({ stream: 'stderr', data: 'fake: no such command: x\n' })
        return 127
      },
    }).id,
  }),
  leftovers: async (installation) =>
    host.sandboxes.filter(({ labels }) => labels['dev.errand.installation'] === installation).map(({ name }) => name),
  rounds: 100,
  skip: [
    {
      reason: 'the ports of a fake sandbox lead nowhere',
      tests: ['a task is reached from the host at any free port, which can be read back'],
    },
    {
      reason: 'fake processes are programs of the test: there is nothing that could run a script',
      tests: [
        'scripts in two languages are run in their order, before the task and in its sandbox',
        'arguments reach a script as they are',
        'the first script that fails ends it: nothing after it is run',
      ],
    },
  ],
})
