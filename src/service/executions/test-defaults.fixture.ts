import { MIB } from '../../core/resources.ts'
import type { ExecutionDefaults } from './execution-plan.ts'

export const DEFAULTS: ExecutionDefaults = {
  profile: 'standard',
  presets: ['big-shm', 'root-init'],
  publishAddresses: ['127.0.0.1'],
  queueLimit: 100,
  callerQueueLimit: 50,
  queueTimeoutMs: 1000,
  pullTimeoutMs: 2000,
  timeoutMs: undefined,
  diskBytes: 64 * MIB,
  retentionMs: 60_000,
  retentionBytes: Infinity,
  inputPresets: new Map(),
  inputBytes: MIB,
  inputFiles: 100,
  inputTotalBytes: 2 * MIB,
}
