import { existsSync, statSync } from 'node:fs'
import type { Config } from './config/config.ts'

/** What an operator who offers SGX should know of this host, one sentence each. Tasks are refused by the engine, at use. */
export function sgxWarnings({ isEnabled, devicePath, aesmdPath }: Config['sgx']): string[] {
  if (!isEnabled) return []
  const shortcomings: [boolean, string][] = [
    [isDevice(devicePath), `sgx.enable is set, but there is no device ${devicePath} (sgx.sgx_device)`],
    [existsSync(aesmdPath), `sgx.enable is set, but there is no folder ${aesmdPath} (sgx.aesmd_path)`],
  ]
  return shortcomings
    .filter(([isFine]) => !isFine)
    .map(([, what]) => `${what} as far as this process sees: tasks that ask for SGX will be refused`)
}

function isDevice(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isCharacterDevice() ?? false
}
