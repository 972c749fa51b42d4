import { run } from '../../examples/tasks/offline/command.ts'

const NAME = 'docker0'

/**
 * The default bridge of the machine's own engine. A dockerd with other settings that starts a second time removes it,
 * although it is none of its business; this puts it back.
 */
export class DefaultBridge {
  readonly #addresses: readonly string[]

  private constructor(addresses: readonly string[]) {
    this.#addresses = addresses
  }

  /** Call it while the bridge is there. */
  static async remember(): Promise<DefaultBridge> {
    return new DefaultBridge(await addressesNow())
  }

  async restore(): Promise<void> {
    if (this.#addresses.length === 0 || (await addressesNow()).length > 0) return
    await run('ip', ['link', 'add', NAME, 'type', 'bridge'])
    for (const address of this.#addresses) await run('ip', ['address', 'add', address, 'dev', NAME])
    await run('ip', ['link', 'set', NAME, 'up'])
  }
}

/** Its IPv4 addresses with their prefix lengths; none when it is not there. */
async function addressesNow(): Promise<string[]> {
  const text = await run('ip', ['-json', '-4', 'address', 'show', 'dev', NAME]).catch(() => '[]')
  const links: { addr_info?: { local: string; prefixlen: number }[] }[] = JSON.parse(text || '[]')
  return links.flatMap(({ addr_info = [] }) => addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`))
}
