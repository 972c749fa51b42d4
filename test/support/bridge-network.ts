import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lock, run } from '../../examples/tasks/offline/command.ts'

/** A user-defined bridge network with a range of its own, from which containers can be given fixed addresses. */
export class BridgeNetwork implements AsyncDisposable {
  readonly name: string
  /** Below the range's last address, where the Engine gives none out by itself. */
  readonly address: string
  readonly #held: AsyncDisposableStack

  private constructor(name: string, address: string, held: AsyncDisposableStack) {
    this.name = name
    this.address = address
    this.#held = held
  }

  /**
   * Takes the network of this name if there is one, else makes it, to be removed at the end. Others that want the same
   * wait until then, whatever checkout they are of.
   */
  static async take(name: string): Promise<BridgeNetwork> {
    await using held = new AsyncDisposableStack()
    held.use(await lock(join(tmpdir(), `errand-network-${name}.lock`)))
    if ((await run('docker', ['network', 'ls', '--quiet', '--filter', `name=^${name}$`])) === '') {
      await run('docker', ['network', 'create', '--label', 'dev.errand.test=network', '--subnet', freeRange(), name])
      held.defer(async () => void (await run('docker', ['network', 'rm', name])))
    }
    const format = '{{range .IPAM.Config}}{{.Subnet}}{{end}}'
    const subnet = await run('docker', ['network', 'inspect', '--format', format, name])
    return new BridgeNetwork(name, addressIn(subnet), held.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync()
  }
}

/** One of 10.213.0.0/16, which neither the Engine nor a cloud uses by itself. */
function freeRange(): string {
  return `10.213.${randomInt(1, 255)}.0/24`
}

/** The Engine counts up from the range's first addresses, so that a high one is free. */
function addressIn(subnet: string): string {
  const [a, b, c] = subnet.split('.')
  return `${a}.${b}.${c}.250`
}
