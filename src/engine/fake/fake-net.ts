import { ErrandError } from '../../core/errors.ts'
import type { PortBinding, SandboxNet, SandboxSpec } from '../engine.ts'

const GATEWAY = '10.99.0.1'
/** Where made-up ports begin; real ones are not looked at. */
const FIRST_PORT = 40_000
const PORTS = 20_000

/** Gives fake sandboxes addresses and ports that lead nowhere, none of them twice at a time. */
export class FakeNetwork {
  readonly #bound = new Set<string>()
  #addresses = 1
  #ports = 0

  /** Undefined for a sandbox without a network. @throws network_unavailable when a port is taken */
  join(spec: SandboxSpec): SandboxNet | undefined {
    if (spec.network === 'none') return undefined
    const ports: PortBinding[] = []
    try {
      for (const binding of spec.ports ?? []) ports.push(this.#bind(binding))
    } catch (error) {
      this.#release(ports)
      throw error
    }
    this.#addresses += 1
    return { ipAddress: `10.99.${this.#addresses >> 8}.${this.#addresses & 255}`, gateway: GATEWAY, ports }
  }

  leave(net: SandboxNet): void {
    this.#release(net.ports)
  }

  #bind(binding: PortBinding): PortBinding {
    const bound = binding.hostPort === 0 ? this.#anyPort(binding) : binding
    if (this.#bound.has(keyOf(bound))) {
      throw new ErrandError('network_unavailable', `port ${keyOf(bound)} is already allocated`)
    }
    this.#bound.add(keyOf(bound))
    return bound
  }

  #anyPort(binding: PortBinding): PortBinding {
    for (let tries = 0; tries < PORTS; tries += 1) {
      this.#ports = (this.#ports + 1) % PORTS
      const bound = { ...binding, hostPort: FIRST_PORT + this.#ports }
      if (!this.#bound.has(keyOf(bound))) return bound
    }
    throw new ErrandError('network_unavailable', 'no port is free')
  }

  #release(ports: readonly PortBinding[]): void {
    for (const port of ports) this.#bound.delete(keyOf(port))
  }
}

function keyOf({ protocol, hostIp, hostPort }: PortBinding): string {
  return `${protocol} ${hostIp}:${hostPort}`
}
