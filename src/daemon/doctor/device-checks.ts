import type { Config } from '../config/config.ts'
import { type Finding, ok, problem } from './finding.ts'
import type { HostLook } from './host-look.ts'
import { checkVersion } from './version-gates.ts'

const NO_PLUGINS = { hasAuthorizationPlugins: false }

/** GPUs that the kernel shows, and what hands them to containers. */
export async function checkGpus(look: HostLook, isOffered: boolean): Promise<Finding[]> {
  const nvidia = await look.list('/proc/driver/nvidia/gpus')
  const render = (await look.list('/dev/dri')).filter((name) => name.startsWith('renderD'))
  const seen = [...(nvidia.length > 0 ? [`${nvidia.length} of NVIDIA`] : []), ...render]
  if (seen.length === 0 && isOffered) {
    return [problem('GPUs', 'has_gpu is set, and none is seen', 'install the driver, or take has_gpu away')]
  }
  const found = seen.length === 0 ? 'none' : `${seen.join(', ')}${isOffered ? '' : ' (not offered: has_gpu)'}`
  return [ok('GPUs', found), ...(nvidia.length > 0 ? [await checkToolkit(look)] : [])]
}

async function checkToolkit(look: HostLook): Promise<Finding> {
  const told = await look.ask('nvidia-ctk', '--version')
  const version = /version v?(\d[\w.+~-]*)/.exec(told ?? '')?.[1]
  if (version !== undefined) return checkVersion('NVIDIA toolkit', version, NO_PLUGINS)
  const advice = 'install the NVIDIA Container Toolkit and restart the Docker Engine'
  return problem('NVIDIA toolkit', 'is not installed: no container gets an NVIDIA GPU', advice)
}

export async function checkSgx(look: HostLook, { isEnabled, devicePath, aesmdPath }: Config['sgx']): Promise<Finding> {
  const device = (await look.stat(devicePath))?.kind === 'device'
  if (!isEnabled) return ok('SGX', device ? `${devicePath} is there (not offered: sgx.enable)` : 'no device')
  if (!device)
    return problem(
      'SGX',
      `sgx.enable is set, and ${devicePath} is no device`,
      'load the driver, or correct sgx.sgx_device',
    )
  if ((await look.stat(aesmdPath))?.kind === 'folder') return ok('SGX', `${devicePath} and ${aesmdPath} are there`)
  return problem(
    'SGX',
    `sgx.enable is set, and there is no folder ${aesmdPath}`,
    'start aesmd, or correct sgx.aesmd_path',
  )
}
