import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { PresetName } from '../../src/core/presets.ts'
import type { ProcessSpec } from '../../src/engine/engine.ts'
import { ensureService, SERVICES } from './service-images.ts'

/** A row of the table in `docs/guide/profiles.md`. */
export interface ProfileRow {
  readonly title: string
  readonly image: () => Promise<string>
  /** Absent: the image's own command. */
  readonly process?: ProcessSpec
  /** Shell commands for a server, run inside: `ready` succeeds once it listens, `uses` when it serves. */
  readonly server?: { readonly ready: string; readonly uses: string }
  /** Whom it runs as under `strict`. Default: some user that no image knows. */
  readonly user?: number
  /** What it says under `standard`; absent where it works. */
  readonly standard?: RegExp
  /** The same under `strict`. */
  readonly strict?: RegExp
  /** Mends it. */
  readonly preset?: PresetName
}

const pythonJob = (program: string): Pick<ProfileRow, 'image' | 'process'> => ({
  image: () => ensureImage('python'),
  process: { entrypoint: ['python3', '-u', '-c', program] },
})

const nodeJob = (program: string): Pick<ProfileRow, 'image' | 'process'> => ({
  image: () => ensureImage('node'),
  process: { entrypoint: ['node', '-e', program] },
})

const SHARES_MEMORY = `
from multiprocessing.shared_memory import SharedMemory
block = SharedMemory(create=True, size=32 << 20)
block.buf[:] = bytes(32 << 20)
block.close(); block.unlink()`

const STARTS_THREADS = `
import threading
done = threading.Event()
threads = [threading.Thread(target=done.wait) for _ in range(200)]
try:
    for thread in threads: thread.start()
finally:
    done.set()`

const RUNS_FROM_SCRATCH = `
require('node:fs').writeFileSync('/tmp/program', '#!/usr/local/bin/node', { mode: 0o755 })
require('node:child_process').execFileSync('/tmp/program')`

/** More than PostgreSQL's memory shared by parallel workers fits into 16 MiB. */
const JOINS_IN_PARALLEL = [
  'create table t as select g from generate_series(1, 500000) g',
  'set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0',
  "set work_mem = '64MB'; set jit = off; analyze t; select count(*) from t a join t b using (g)",
].join('; ')

const NGINX = { ready: 'wget -qO- http://127.0.0.1/', uses: 'true' }
const REDIS = { ready: 'redis-cli ping', uses: 'redis-cli save | grep OK' }
const POSTGRES = { ready: 'pg_isready -q', uses: 'psql -U postgres -c "create table t (i int)"' }

export const PROFILE_ROWS: readonly ProfileRow[] = [
  {
    title: 'a Python job that works in the temporary folder and its home',
    ...pythonJob("import os, tempfile; tempfile.mkstemp(); os.makedirs(os.path.expanduser('~/.cache'))"),
  },
  {
    title: 'a Python job that shares 32 MiB between processes',
    ...pythonJob(SHARES_MEMORY),
    // SIGBUS
    standard: /exited with 135/,
    strict: /exited with 135/,
    preset: 'big-shm',
  },
  {
    title: 'a Python job of 200 threads',
    ...pythonJob(STARTS_THREADS),
    strict: /can't start new thread/,
    preset: 'many-threads',
  },
  {
    title: 'a Node.js job that works in the temporary folder and its home',
    ...nodeJob(
      "const fs = require('fs'); fs.mkdtempSync('/tmp/x'); fs.mkdirSync(require('os').homedir() + '/.npm', { recursive: true })",
    ),
  },
  {
    title: 'a Node.js job that writes beside its program',
    ...nodeJob("require('node:fs').writeFileSync('/usr/local/cache', '')"),
    strict: /EROFS/,
    preset: 'root-init',
  },
  {
    title: 'a Node.js job that unpacks a program and runs it',
    ...nodeJob(RUNS_FROM_SCRATCH),
    strict: /EACCES/,
    preset: 'scratch-exec',
  },
  {
    title: 'a Node.js job that needs 100 MB of temporary files',
    ...nodeJob("require('node:fs').writeFileSync('/tmp/large', Buffer.alloc(100e6))"),
    strict: /ENOSPC/,
    preset: 'scratch-heavy',
  },
  {
    title: 'nginx as its official image has it',
    image: () => ensureService('nginx'),
    server: NGINX,
    strict: /\/var\/cache\/nginx\/client_temp" failed \(30: Read-only file system\)/,
    preset: 'web-server',
  },
  { title: 'redis as its official image has it', image: () => ensureService('redis'), server: REDIS },
  {
    title: 'a redis that always begins as root',
    image: () => ensureService('redis'),
    process: { entrypoint: ['gosu', 'redis', 'redis-server'] },
    server: REDIS,
    strict: /operation not permitted/,
    preset: 'root-init',
  },
  {
    title: 'postgres as its official image has it',
    image: () => ensureService('postgres'),
    server: POSTGRES,
    user: SERVICES.postgres.user.id,
    strict: /could not change permissions of directory/,
    preset: 'postgres',
  },
  {
    title: 'a postgres that joins large tables in parallel',
    image: () => ensureService('postgres'),
    server: { ...POSTGRES, uses: `psql -v ON_ERROR_STOP=1 -U postgres -c "${JOINS_IN_PARALLEL}"` },
    user: SERVICES.postgres.user.id,
    standard: /could not resize shared memory segment/,
    strict: /could not change permissions of directory/,
    preset: 'postgres',
  },
]
