import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { MIB } from '../../core/resources.ts'
import type { SandboxSpec } from '../../engine/engine.ts'
import { FakeEngine, type FakeScript } from '../../engine/fake/fake-engine.ts'
import { type Preflight, preflight } from './preflight.ts'

const NEVER = new AbortController().signal
const TERMS = { image: 'try/me:1', memoryBytes: 64 * MIB, forMs: 5000 }

/** Tries an image that behaves so; nothing may be left of it. */
async function tried(script: FakeScript, profile: 'standard' | 'strict' = 'strict'): Promise<Preflight> {
  await using engine = new FakeEngine({ images: { 'try/me:1': script } })
  const result = await preflight(engine, { ...TERMS, profile }, systemClock, NEVER)
  assert.deepEqual(engine.sandboxes, [])
  return result
}

/** Fails with this text unless what it is given is enough. */
function needing(isEnough: (spec: SandboxSpec) => boolean, text: string): FakeScript {
  return {
    run: async ({ spec }) => {
      if (isEnough(spec)) return 0
      throw new Error(text)
    },
  }
}

test('an image that runs on is fit for a warm task', async () => {
  const clock = new ManualClock()
  await using engine = new FakeEngine({ clock, images: { 'try/me:1': {} } })
  const result = preflight(engine, { ...TERMS, profile: 'standard' }, clock, NEVER)
  while (clock.pendingTimers === 0) await clock.advance(0)
  await clock.advance(5000)
  assert.equal((await result).outcome, 'runs on')
  assert.deepEqual(engine.sandboxes, [])
})

test('an image that ends well is fit for an execution', async () => {
  const { outcome, advice, output } = await tried({ output: ['done\n'], exit: { code: 0 } })
  assert.deepEqual([outcome, advice, output], ['ended well', undefined, 'done\n'])
})

test('what an image says of its failure is told, whatever it prints beside', async () => {
  const oops = { stream: 'stderr', data: 'oops\n' } as const
  const { found, output } = await tried({ output: [oops, 'other words'], exit: { code: 7 } })
  assert.equal(found, 'it ended with exit status 7: oops')
  assert.equal(output, 'other words\noops\n')
})

test('an image that names nothing to run is a finding, not an error', async () => {
  class Refusing extends FakeEngine {
    override create(): Promise<never> {
      return Promise.reject(new ErrandError('image_invalid', 'Docker Engine: No command specified'))
    }
  }
  await using engine = new Refusing({ images: { 'try/me:1': {} } })
  const result = await preflight(engine, { ...TERMS, profile: 'strict' }, systemClock, NEVER)
  assert.deepEqual([result.outcome, result.rule], ['failed', 'command'])
  assert.match(result.output, /No command specified/)
})

test('the preset that mends it is found by trying, not by guessing', async () => {
  const hasRun = ({ mounts }: SandboxSpec) =>
    mounts?.some(({ target }) => target === '/var/lib/postgresql/data') === true
  const result = await tried(needing(hasRun, 'EROFS: read-only file system'))
  assert.deepEqual([result.outcome, result.rule, result.preset], ['failed', 'read-only', 'postgres'])
  assert.match(result.advice ?? '', /grant the preset postgres: it runs with that$/)
})

test('an image that needs standard is told so; it is tried as a user that no image knows before', async () => {
  const users: (string | undefined)[] = []
  const isStandard = (spec: SandboxSpec) => {
    users.push(spec.process.user)
    return spec.profile === 'standard'
  }
  const result = await tried(needing(isStandard, 'some other trouble'))
  assert.deepEqual([result.rule, result.preset, result.runsUnderStandard], ['exit', undefined, true])
  assert.match(result.advice ?? '', /it runs under the profile standard$/)
  assert.deepEqual(users, ['61184:61184', undefined])
})

test('what nothing mends is told as it is', async () => {
  const result = await tried({ output: ['segment lost\n'], exit: { code: 3 } }, 'standard')
  assert.deepEqual([result.outcome, result.rule, result.preset], ['failed', 'exit', undefined])
  assert.match(result.found, /exit status 3: segment lost/)
})

test('it is tried with the memory that is asked for, without a network, a mount or a port', async () => {
  const specs: SandboxSpec[] = []
  await tried(
    needing((spec) => specs.push(spec) > 0, ''),
    'standard',
  )
  const [spec] = specs
  assert.deepEqual(spec?.resources, { cpuMillis: 1000, memoryBytes: 64 * MIB, gpus: 0 })
  assert.deepEqual([spec?.network, spec?.mounts, spec?.ports, spec?.profile], ['none', [], undefined, 'standard'])
})

test('an image that is not there is not fetched', async () => {
  await using engine = new FakeEngine()
  const refused = preflight(engine, { ...TERMS, profile: 'standard' }, systemClock, NEVER)
  await assert.rejects(refused, { code: 'image_not_found', message: /docker pull try\/me:1$/ })
})

test('a trial that is stopped or fails leaves nothing', async () => {
  const controller = new AbortController()
  await using engine = new FakeEngine({
    images: {
      'try/me:1': {
        run: async () => {
          controller.abort(new ErrandError('cancelled', 'asked to end'))
          return new Promise<number>(() => {})
        },
      },
      'bad:1': { failures: { start: new ErrandError('runtime_unavailable', 'no such runtime') } },
    },
  })
  await assert.rejects(preflight(engine, { ...TERMS, profile: 'standard' }, systemClock, controller.signal), {
    code: 'cancelled',
  })
  await assert.rejects(preflight(engine, { ...TERMS, image: 'bad:1', profile: 'standard' }, systemClock, NEVER), {
    code: 'runtime_unavailable',
  })
  assert.deepEqual(engine.sandboxes, [])
})
