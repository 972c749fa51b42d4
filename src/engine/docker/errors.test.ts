import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../core/errors.ts'
import { type EngineOperation, engineError } from './errors.ts'

/** As printed by Engine 20.10, or by the later one named. */
const TEXTS: readonly [EngineOperation, number, string, ErrorCode][] = [
  ['create', 404, 'No such image: nosuch:latest', 'image_not_found'],
  ['create', 400, 'Unknown runtime specified kata', 'runtime_unavailable'],
  ['create', 400, 'unknown or invalid runtime name: kata', 'runtime_unavailable'], // 26
  ['create', 400, 'No command specified', 'image_invalid'],
  ['create', 400, 'Minimum memory limit allowed is 6MB', 'resources_unsatisfiable'],
  ['create', 400, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available', 'resources_unsatisfiable'],
  [
    'create',
    400,
    'invalid mount config for type "bind": bind source path does not exist: /var/run/aesmd',
    'runtime_unavailable',
  ],
  ['create', 500, 'mkdir /var/lib/docker/overlay2/x: no space left on device', 'storage_full'],
  [
    'start',
    500,
    'error gathering device information while adding custom device "/dev/sgx_enclave": no such file or directory',
    'runtime_unavailable',
  ],
  [
    'start',
    400,
    'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "x": executable file not found in $PATH: unknown',
    'command_not_found',
  ],
  [
    'start',
    400,
    'OCI runtime create failed: runc create failed: unable to start container process: exec: "/x": stat /x: no such file or directory: unknown',
    'command_not_found',
  ],
  [
    'start',
    400,
    'OCI runtime create failed: unable to retrieve OCI runtime error (open log.json: no such file or directory): exec: "kata-runtime": executable file not found in $PATH: unknown',
    'runtime_unavailable',
  ],
  [
    'start',
    500,
    'error gathering device information while adding custom device "/dev/dri/renderD129": no such file or directory',
    'runtime_unavailable',
  ],
  ['start', 500, 'could not select device driver "nvidia" with capabilities: [[gpu]]', 'runtime_unavailable'],
  ['start', 500, 'could not select device driver "" with capabilities: [[gpu]]', 'runtime_unavailable'],
  [
    'start',
    400,
    'OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: container init caused: Running hook #0:: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: device error: GPU-8f6d2b1c: unknown device: unknown',
    'runtime_unavailable',
  ],
  ['start', 404, 'network errand-0123456789ab not found', 'network_unavailable'],
  ['start', 500, 'driver failed: Bind for 0.0.0.0:80 failed: port is already allocated', 'network_unavailable'],
  [
    'start',
    500,
    'driver failed: listen tcp4 192.0.2.1:80: bind: cannot assign requested address',
    'network_unavailable',
  ],
  ['start', 404, 'No such container: abc', 'not_found'],
  [
    'exec',
    400,
    'OCI runtime exec failed: exec failed: unable to start container process: error executing setns process: exit status 1: unknown',
    'task_gone',
  ],
  [
    'exec',
    400,
    'OCI runtime exec failed: exec failed: unable to start container process: error writing config to pipe: write init-p: broken pipe: unknown',
    'task_gone',
  ],
  [
    'exec',
    400,
    'OCI runtime exec failed: exec failed: unable to start container process: read init-p: connection reset by peer: unknown',
    'task_gone',
  ],
  ['exec', 400, 'cannot exec in a deleted state: unknown', 'task_gone'],
  ['exec', 400, 'ttrpc: closed: unknown', 'task_gone'],
  ['exec', 400, 'task c13b59d60558 not found: not found', 'task_gone'],
  ['exec', 400, 'cannot exec in a stopped state: unknown', 'task_gone'],
  ['exec', 404, 'No such exec instance: 344ffd90de7e', 'task_gone'],
  ['pause', 409, 'Container abc is not running', 'task_gone'],
  ['network', 500, 'could not find an available, non-overlapping IPv4 address pool', 'network_unavailable'],
  ['inspect', 500, 'something broke', 'internal'],
]

for (const [operation, status, text, code] of TEXTS) {
  test(`${operation}: "${text.slice(0, 80)}" is ${code}`, () => {
    const error = engineError(operation, status, text)
    assert.equal(error.code, code)
    assert.equal(error.message, `Docker Engine: ${text}`)
  })
}

test('only what may pass by itself says when to try again', () => {
  assert.equal(engineError('inspect', 503, 'starting up').retryAfterMs, 1000)
  assert.equal(engineError('create', 404, 'No such image: x').retryAfterMs, undefined)
  assert.equal(engineError('pull', 500, 'connection refused').code, 'registry_unavailable')
})
