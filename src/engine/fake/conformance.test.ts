import assert from 'node:assert/strict'
import { once } from 'node:events'
import { ErrandError } from '../../core/errors.ts'
import { FILE, FOLDER, PRINTED, SERVED, testEngine } from '../conformance.ts'
import { FakeEngine, type FakeScript } from './fake-engine.ts'

const printed = (stream: 'stdout' | 'stderr') => ({ stream, data: PRINTED[stream] })

const WAITS: FakeScript = {
  mark: 'ready',
  files: { [`${FOLDER}/${FILE}`]: { kind: 'file', content: PRINTED.stdout } },
  async exec({ argv, environment, workingDir, process, print }) {
    switch (argv[0] ?? '') {
      case 'prints':
        return PRINTED
      case 'tells':
        return { exitCode: 0, stdout: `${environment?.ANSWER}\n${workingDir}\n` }
      case 'waits':
        print('ready\n')
        await once(process.ended, 'abort')
        return { exitCode: 0 }
      default:
        return undefined
    }
  },
}

testEngine({
  name: 'fake',
  open: async () => new FakeEngine(),
  tag: async (engine, imageId, name) => {
    assert.ok(engine instanceof FakeEngine)
    engine.images.tag(imageId, name)
  },
  async images(engine) {
    assert.ok(engine instanceof FakeEngine)
    const missing = new ErrandError('command_not_found', 'no such command')
    const add = (name: string, script: FakeScript): string => engine.addImage(name, script).id
    return {
      prints: add('prints', { output: [printed('stdout'), printed('stderr')], exit: { code: PRINTED.exitCode } }),
      waits: add('waits', WAITS),
      serves: add('serves', { mark: 'ready', serve: (_request, response) => response.end(SERVED) }),
      lacksCommand: add('lacks-command', { failures: { start: missing } }),
      commands: { prints: ['prints'], tells: ['tells'], waits: ['waits'] },
    }
  },
  skip: [],
})
