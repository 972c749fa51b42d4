import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ErrandError } from '../../core/errors.ts'
import type { ExecutionRequest } from '../../core/execution-request.ts'
import { refusesField } from '../../core/refused-field.fixture.ts'
import { MIB } from '../../core/resources.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { planExecution } from './plan-execution.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

const SMALLEST = { engineSpec: { type: 'docker', params: { image: 'busybox' } } }

function plan(request: object): ExecutionPlan {
  return planExecution(request as ExecutionRequest, DEFAULTS, () => 'made-up')
}

function refused(request: object): string {
  try {
    plan(request)
  } catch (error) {
    assert.ok(error instanceof ErrandError && error.code === 'validation_failed', String(error))
    return error.message
  }
  return assert.fail(`taken: ${JSON.stringify(request)}`)
}

function withParams(params: object): object {
  return { engineSpec: { type: 'docker', params: { image: 'busybox', ...params } } }
}

describe('a request', () => {
  function ports(count: number): { executorPort: number }[] {
    return Array.from({ length: count }, (_, index) => ({ executorPort: index + 1 }))
  }

  test('needs an engine and an image; everything else has a default', () => {
    const { executionId, jobId, callerId, resources, profile, network, stopSignal, graceMs, logBytes } = plan(SMALLEST)
    assert.deepEqual(
      { executionId, jobId, callerId, profile, network, stopSignal, graceMs, logBytes },
      {
        executionId: 'made-up',
        jobId: 'made-up',
        callerId: 'local',
        profile: 'standard',
        network: 'none',
        stopSignal: 'SIGTERM',
        graceMs: 10_000,
        logBytes: 2 * MIB,
      },
    )
    assert.deepEqual(resources, { cpuMillis: 1000, memoryBytes: 128 * MIB, gpus: 0 })
  })

  test('may hold null, zero and empty fields, which count as absent', () => {
    const empty = { entrypoint: null, cmd: [], environment: null, working_directory: null, user: null }
    const { process, resources, provisionScripts } = plan({
      ...withParams(empty),
      resources: { cpu: 0, memoryBytes: null, gpus: null },
      provisionScripts: null,
      labels: null,
    })
    assert.deepEqual(process, { environment: {} })
    assert.deepEqual(resources, plan(SMALLEST).resources)
    assert.deepEqual(provisionScripts, [])
  })

  test('keeps words, variables and scripts byte for byte', () => {
    const cmd = ['sh', '-c', 'echo "$A" \'; rm -rf /\'', '']
    const { process } = plan(withParams({ cmd, environment: ['A=b=c', 'EMPTY='] }))
    assert.deepEqual(process.cmd, cmd)
    assert.deepEqual(process.environment, { A: 'b=c', EMPTY: '' })
  })

  for (const [what, request] of Object.entries({
    'no engine': {},
    'no image': { engineSpec: { type: 'docker', params: {} } },
    'an id that is a path': { ...SMALLEST, executionId: '../x' },
    'an id with a NUL': { ...SMALLEST, executionId: 'a\0' },
    'an id that is too long': { ...SMALLEST, executionId: 'a'.repeat(64) },
    'a job id that is none': { ...SMALLEST, jobId: 'A B' },
    privileged: { ...SMALLEST, privileged: true },
    'privileged params': withParams({ privileged: true }),
    'a HostConfig': withParams({ HostConfig: { Privileged: true } }),
    'a variable without a name': withParams({ environment: ['=x'] }),
    'a word with a NUL': withParams({ cmd: ['a\0b'] }),
    'a user that is none': withParams({ user: 'root; id' }),
    'a working directory that is relative': withParams({ working_directory: 'x' }),
    'less memory than the engine takes': { ...SMALLEST, resources: { memoryBytes: MIB } },
    'a cpu that is no step': { ...SMALLEST, resources: { cpu: 0.15 } },
    'negative resources': { ...SMALLEST, resources: { cpu: -1 } },
    'a count of GPUs alone': { ...SMALLEST, resources: { gpus: 1 } },
    'no GPU': { ...SMALLEST, resources: { gpus: [{ count: 0 }] } },
    'half a GPU': { ...SMALLEST, resources: { gpus: [{ count: 0.5 }] } },
    'too many GPUs': { ...SMALLEST, resources: { gpus: [{ count: 65 }] } },
    'GPUs of nobody': { ...SMALLEST, resources: { gpus: [{ vendor: 'acme' }] } },
    'GPUs by their place': { ...SMALLEST, resources: { gpus: [{ index: 0 }] } },
    'a GPU with less memory than none': { ...SMALLEST, resources: { gpus: [{ minMemoryBytes: -1 }] } },
    'one GPU, twice': { ...SMALLEST, resources: { gpus: [{ count: 2, uuid: 'GPU-1' }] } },
    'one GPU in two wishes': { ...SMALLEST, resources: { gpus: [{ uuid: 'GPU-1' }, { uuid: 'GPU-1' }] } },
    'a GPU by a name of two lines': { ...SMALLEST, resources: { gpus: [{ model: 'a\nb' }] } },
    'an isolation that is none': { ...SMALLEST, isolation: 'runsc' },
    'an SGX device of its choice': { ...SMALLEST, sgx: { devicePath: '/dev/mem', aesmdPath: '/' } },
    'a signal that is none': { ...SMALLEST, stopSignal: 'SIGNOPE' },
    'a time-out that is no timer': { ...SMALLEST, timeoutMs: 2 ** 40 },
    'ports without a network': { ...SMALLEST, portsToBind: [{ executorPort: 80 }] },
    'more than 32 ports': { ...SMALLEST, network: 'internal', portsToBind: ports(33) },
    'a port that is none': { ...SMALLEST, network: 'internal', portsToBind: [{ executorPort: 70_000 }] },
    'a DNS server by name': { ...SMALLEST, network: 'internal', gatewayIp: 'dns.example' },
    'a label of ours': { ...SMALLEST, labels: { 'dev.errand.id': 'x' } },
    'a label of Docker': { ...SMALLEST, labels: { 'com.docker.compose.project': 'x' } },
    'two outputs of one name': { ...SMALLEST, outputs: [{ path: '/a/x' }, { path: '/b/x' }] },
    'an output over a log': { ...SMALLEST, outputs: [{ path: '/stdout.log' }] },
    'an output without a name': { ...SMALLEST, outputs: [{ path: '/' }] },
    'an output name that is a path': { ...SMALLEST, outputs: [{ path: '/x', name: '../y' }] },
    'an output named after its parent': { ...SMALLEST, outputs: [{ path: '/x/..' }] },
    'an output named after itself': { ...SMALLEST, outputs: [{ path: '/x/.' }] },
  })) {
    test(`with ${what} is refused`, () => assert.notEqual(refused(request), ''))
  }

  test('names the field that is wrong', () => {
    assert.match(refused({ ...SMALLEST, resources: { cpu: 'x' } }), /^resources\.cpu: /)
    assert.match(refused(withParams({ cmd: 'x' })), /^engineSpec\.params\.cmd: /)
    for (const [request, field] of [
      [withParams({ image: 7 }), 'engineSpec.params.image'],
      [{ ...SMALLEST, resources: { cpu: 0.15 } }, 'resources.cpu'],
      [{ ...SMALLEST, resources: { memoryBytes: MIB } }, 'resources.memoryBytes'],
      [{ ...SMALLEST, preset: 'postgres' }, 'preset'],
      [{ ...SMALLEST, portsToBind: [{ executorPort: 80 }] }, 'portsToBind'],
      [{ ...SMALLEST, outputs: [{ path: '/stdout.log' }] }, 'outputs.0.name'],
    ] as const) {
      assert.throws(() => plan(request), refusesField(field), field)
    }
  })

  test('may ask for GPUs of a kind, which are counted', () => {
    const gpus = [{ count: 2, vendor: 'nvidia', minMemoryBytes: MIB }, { uuid: 'GPU-1' }, { model: 'A100' }]
    const planned = plan({ ...SMALLEST, resources: { gpus } })
    assert.deepEqual([planned.gpus, planned.resources.gpus], [gpus, 4])
  })

  test('gets the profile that its executor demands', () => {
    const strict = { ...DEFAULTS, profile: 'strict' } as const
    assert.equal(planExecution({ ...SMALLEST, profile: 'standard' }, strict, () => 'x').profile, 'strict')
    assert.equal(plan({ ...SMALLEST, profile: 'strict' }).profile, 'strict')
  })

  test('gets a preset that is granted, and no other', () => {
    const shared = plan({ ...SMALLEST, profile: 'strict', preset: 'big-shm' })
    assert.equal(shared.profile, 'strict')
    assert.equal(shared.preset?.shmBytes, 1024 * MIB)
    assert.equal(plan({ ...SMALLEST, profile: 'strict', preset: 'root-init' }).profile, 'standard')
    assert.match(refused({ ...SMALLEST, preset: 'postgres' }), /not granted/)
    assert.match(refused({ ...SMALLEST, preset: 'constructor' }), /not granted/)
  })

  test('that is anything at all is taken or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.object({ withNullPrototype: true, maxDepth: 4 }), (anything) => {
        refused({ ...anything, engineSpec: 7 })
        assert.throws(() => plan(anything), ErrandError)
      }),
    )
  })
})
