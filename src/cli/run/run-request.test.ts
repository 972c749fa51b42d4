import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { executionBody } from '../../http/contract/execution-body.ts'
import type { RunFlags } from './run-flags.ts'
import { planRun, type RunPlan } from './run-request.ts'

const ID = '0123456789abcdef0123456789abcdef'

function plan(flags: RunFlags, image = 'alpine', command: readonly string[] = []): RunPlan {
  return planRun(image, command, flags, ID, '/home/ann')
}

test('a bare image is asked for with nothing but an id, which names it', () => {
  assert.deepEqual(plan({}).body, { id: 'alpine-0123456789', task: { image: 'alpine' } })
  assert.equal(plan({}, 'ghcr.io/Team/My_Trainer:v1.2').body.id, 'my-trainer-0123456789')
  assert.equal(plan({}, `registry:5000/x/${'y'.repeat(99)}@sha256:abc`).body.id, `${'y'.repeat(20)}-0123456789`)
  assert.equal(plan({}, '::').body.id, '0123456789')
  assert.equal(plan({ id: 'mine' }).body.id, 'mine')
})

test('every flag becomes its field, in a body that the node understands', () => {
  const { body, inputs, outputs } = plan(
    {
      env: ['A=1', 'B=x=y', 'C='],
      label: ['team=vision'],
      port: ['80', '8080:80', '127.0.0.1:5353:53/udp', '[::1]:1:2'],
      input: ['./data:/data', '/srv/cache:/cache:rw'],
      output: ['/out', '/model/best.pt:results'],
      cpu: '0.5',
      mem: '256MiB',
      disk: '1GiB',
      gpus: ['2', 'vendor=nvidia,count=1,minMemory=16GiB'],
      isolation: 'microvm',
      sgx: true,
      profile: 'strict',
      preset: 'big-shm',
      network: 'egress',
      entrypoint: '',
      workdir: '/work',
      user: '1000',
      timeout: '1h30m',
      queueTimeout: '90s',
      priority: '-5',
      idempotent: true,
    },
    'trainer',
    ['--epochs', '10'],
  )
  assert.ok(executionBody.safeParse(body).success)
  const { task, ...rest } = body
  assert.deepEqual(task, {
    image: 'trainer',
    cmd: ['--epochs', '10'],
    entrypoint: [],
    env: { A: '1', B: 'x=y', C: '' },
    workingDir: '/work',
    user: '1000',
    resources: {
      cpu: 0.5,
      memory: '256MiB',
      disk: '1GiB',
      gpus: [{ count: 2 }, { count: 1, vendor: 'nvidia', minMemory: '16GiB' }],
    },
    isolation: 'microvm',
    sgx: true,
    profile: 'strict',
    preset: 'big-shm',
    network: 'egress',
    ports: [
      { port: 80 },
      { port: 80, hostPort: 8080 },
      { port: 53, hostPort: 5353, hostIp: '127.0.0.1', protocol: 'udp' },
      { port: 2, hostPort: 1, hostIp: '::1' },
    ],
  })
  assert.deepEqual(rest, {
    id: 'trainer-0123456789',
    inputs: [
      { upload: 'input-1', target: '/data', readOnly: true },
      { upload: 'input-2', target: '/cache', readOnly: false },
    ],
    outputs: [
      { path: '/out', name: 'out' },
      { path: '/model/best.pt', name: 'best.pt' },
    ],
    timeoutMs: 5_400_000,
    queueTimeoutMs: 90_000,
    priority: -5,
    idempotent: true,
    labels: { team: 'vision' },
  })
  assert.deepEqual(inputs, [
    { name: 'input-1', folder: '/home/ann', file: 'data' },
    { name: 'input-2', folder: '/srv', file: 'cache' },
  ])
  assert.deepEqual(outputs, [
    { name: 'out', folder: '/home/ann' },
    { name: 'best.pt', folder: '/home/ann/results' },
  ])
})

test('what cannot be read is refused with the flag and how it is written', () => {
  const wrong: [RunFlags, RegExp][] = [
    [{ env: ['=x'] }, /^--env "=x": must be NAME=VALUE/],
    [{ env: ['PATH'] }, /^--env "PATH"/],
    [{ port: ['http'] }, /^--port "http"/],
    [{ input: ['data'] }, /^--input "data": must be PATH:\/TARGET/],
    [{ input: ['a:/b:wx'] }, /^--input/],
    [{ output: ['out'] }, /^--output "out"/],
    [{ cpu: 'many' }, /^--cpu "many": must be a number/],
    [{ gpus: ['all'] }, /^--gpus "all"/],
    [{ gpus: ['count=x'] }, /^--gpus "x": must be a number/],
    [{ timeout: '90' }, /^--timeout "90": must be a time/],
  ]
  for (const [flags, message] of wrong) {
    assert.throws(
      () => plan(flags),
      (error: unknown) =>
        error instanceof ErrandError && error.code === 'validation_failed' && message.test(error.message),
      JSON.stringify(flags),
    )
  }
})
