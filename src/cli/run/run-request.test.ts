import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { executionBody } from '../../http/contract/execution-body.ts'
import { testTerminal } from '../test-terminal.fixture.ts'
import type { RunFlags } from './run-flags.ts'
import { planRun, type RunPlan } from './run-request.ts'

const ID = '0123456789abcdef0123456789abcdef'

const folder = await mkdtemp(join(tmpdir(), 'errand-plan-'))
after(() => rm(folder, { recursive: true }))
const SHELL = { HOME: '/home/ann', EMPTY: '' }

function plan(
  flags: RunFlags,
  image: string | undefined = 'alpine',
  command: readonly string[] = [],
): Promise<RunPlan> {
  return planRun(image, command, flags, { shell: SHELL, stdin: testTerminal().stdin, cwd: '/home/ann', newId: ID })
}

/** With all that is said in a file, and this over it. */
async function over(file: object | string, flags: RunFlags, command: readonly string[] = []): Promise<RunPlan> {
  const input = typeof file === 'string' ? file : JSON.stringify(file)
  const { stdin } = testTerminal({ input })
  return planRun(undefined, command, { file: '-', ...flags }, { shell: SHELL, stdin, cwd: '/home/ann', newId: ID })
}

test('a bare image is asked for with nothing but an id, which names it', async () => {
  assert.deepEqual((await plan({})).body, { id: 'alpine-0123456789', task: { image: 'alpine' } })
  assert.equal((await plan({}, 'ghcr.io/Team/My_Trainer:v1.2')).body.id, 'my-trainer-0123456789')
  assert.equal((await plan({}, `registry:5000/x/${'y'.repeat(99)}@sha256:abc`)).body.id, `${'y'.repeat(20)}-0123456789`)
  assert.equal((await plan({}, '::')).body.id, '0123456789')
  assert.equal((await plan({ id: 'mine' })).body.id, 'mine')
})

test('every flag becomes its field, in a body that the node understands', async () => {
  const { body, inputs, outputs } = await plan(
    {
      env: ['A=1', 'B=x=y', 'C=', 'HOME', 'UNSET'],
      label: ['team=vision'],
      port: ['80', '8080:80', '127.0.0.1:5353:53/udp', '[::1]:1:2'],
      input: ['./data:/data', '/srv/cache:/cache:rw'],
      output: ['/out', '/model/best.pt:results'],
      cpu: '0.5',
      mem: '256MiB',
      disk: '1GiB',
      pids: '64',
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
      pullTimeout: '2m',
      grace: '5s',
      retention: '2h',
      webhook: 'https://hooks.example.org/done',
      job: 'nightly',
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
    env: { A: '1', B: 'x=y', C: '', HOME: '/home/ann' },
    workingDir: '/work',
    user: '1000',
    resources: {
      cpu: 0.5,
      memory: '256MiB',
      disk: '1GiB',
      pids: 64,
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
    pullTimeoutMs: 120_000,
    graceMs: 5000,
    retentionMs: 7_200_000,
    webhook: { url: 'https://hooks.example.org/done' },
    job: 'nightly',
    priority: -5,
    idempotent: true,
    labels: { team: 'vision' },
  })
  assert.deepEqual(inputs, [
    { name: 'input-1', from: { folder: '/home/ann', file: 'data', given: './data' } },
    { name: 'input-2', from: { folder: '/srv', file: 'cache', given: '/srv/cache' } },
  ])
  assert.deepEqual(outputs, [
    { name: 'out', folder: '/home/ann' },
    { name: 'best.pt', folder: '/home/ann/results' },
  ])
})

test('what cannot be read is refused with the flag and how it is written', async () => {
  const wrong: [RunFlags, RegExp][] = [
    [{ env: ['=x'] }, /^--env "=x": must be NAME=VALUE or NAME/],
    [{ env: ['A B=c'] }, /^--env "A B=c"/],
    [{ pids: 'many' }, /^--pids "many": must be a whole number/],
    [{ retention: 'long' }, /^--retention "long"/],
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
    await assert.rejects(
      plan(flags),
      (error: unknown) =>
        error instanceof ErrandError && error.code === 'validation_failed' && message.test(error.message),
      JSON.stringify(flags),
    )
  }
})

test('variables come from files, then from the command line, with values of the shell for names alone', async () => {
  const first = join(folder, 'first.env')
  const second = join(folder, 'second.env')
  await writeFile(first, '# a comment\n\nA=1\r\n  B="quoted" and more \nHOME\nUNSET\nEMPTY\n')
  await writeFile(second, 'A=2\nC=3')
  const { body } = await plan({ envFile: [first, second], env: ['C=4'] })
  assert.deepEqual(body.task?.env, { A: '2', B: '"quoted" and more ', HOME: '/home/ann', EMPTY: '', C: '4' })
  await writeFile(second, 'A=1\nA B=2\n')
  await assert.rejects(plan({ envFile: [second] }), { message: /second\.env:2: must be NAME=VALUE or NAME$/ })
  await assert.rejects(plan({ envFile: [join(folder, 'none')] }), { code: 'not_found' })
})

test('a file says what to run, in YAML or JSON, and the command line is over it', async () => {
  const yaml =
    'task: {image: trainer, env: {A: "1", B: "2"}, resources: {cpu: 2, memory: 1GiB}}\nlabels: {team: vision}\n'
  const { body } = await over(`${yaml}timeoutMs: 5\n`, { env: ['B=3'], mem: '2GiB', label: ['kind=x'], timeout: '1m' })
  assert.ok(executionBody.safeParse(body).success)
  assert.deepEqual(body, {
    id: 'trainer-0123456789',
    task: { image: 'trainer', env: { A: '1', B: '3' }, resources: { cpu: 2, memory: '2GiB' } },
    labels: { team: 'vision', kind: 'x' },
    timeoutMs: 60_000,
  })
  const engineSpec = { type: 'docker', params: { Image: 'x' } }
  assert.deepEqual((await over({ id: 'mine', engineSpec }, {})).body, { id: 'mine', engineSpec })
})

test('inputs for the same target, and outputs from the same path, are those of the command line', async () => {
  const file = {
    task: { image: 'x' },
    inputs: [
      { preset: 'models', target: '/models' },
      { upload: 'data', target: '/data' },
    ],
    outputs: [{ path: '/out', name: 'all' }, { path: '/log' }],
  }
  const { body, inputs } = await over(file, { input: ['./data:/data'], output: ['/out:results'] })
  assert.deepEqual(body.inputs, [file.inputs[0], { upload: 'input-1', target: '/data', readOnly: true }])
  assert.deepEqual(body.outputs, [file.outputs[1], { path: '/out', name: 'out' }])
  assert.deepEqual(inputs, [{ name: 'input-1', from: { folder: '/home/ann', file: 'data', given: './data' } }])
  await assert.rejects(over(file, {}), { message: 'nothing is sent for /data: say what with --input PATH:/data' })
})

test('what is sent has no name that something of the file has', async () => {
  const file = { task: { image: 'x' }, inputs: [{ upload: 'input-1', target: '/a' }] }
  await assert.rejects(over(file, { input: ['./b:/b'] }), { message: /^nothing is sent for \/a:/ })
  const { body, inputs } = await over(file, { input: ['./a:/a', './b:/b'] })
  assert.deepEqual(
    body.inputs?.map((input) => ('upload' in input ? [input.upload, input.target] : [])),
    [
      ['input-2', '/a'],
      ['input-3', '/b'],
    ],
  )
  assert.deepEqual(
    inputs.map(({ name }) => name),
    ['input-2', 'input-3'],
  )
})

test('stdin is an input, or the file, and read once', async () => {
  assert.deepEqual((await plan({ input: ['-:/data'] })).inputs, [{ name: 'input-1', from: 'stdin' }])
  assert.deepEqual((await plan({ input: ['./-:/data'] })).inputs, [
    { name: 'input-1', from: { folder: '/home/ann', file: '-', given: './-' } },
  ])
  const message = '--input -:/a and --input -:/b: stdin can be read once'
  await assert.rejects(plan({ input: ['-:/a', '-:/b'] }), { message })
  await assert.rejects(over({}, { input: ['-:/a'] }), { message: /^--file - and --input -:\/a/ })
})

test('what makes no sense in a file is left to the node, unless it is none at all', async () => {
  const odd = { task: 'x', labels: ['y'], inputs: 'z', outputs: [null] }
  const { body } = await over(odd, { cpu: '1', label: ['a=b'], output: ['/o'] })
  assert.deepEqual(body, { ...odd, id: '0123456789', outputs: [null, { path: '/o', name: 'o' }] })
  for (const text of ['', '[]', 'word', 'a: [']) await assert.rejects(over(text, {}), { code: 'validation_failed' })
})
