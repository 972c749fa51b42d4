import { IpNetworks } from '../util/ip-networks.ts'
import { isPublicAddress } from '../util/public-address.ts'

/** Which addresses may be connected to for a caller: public ones, and those that the operator names. */
export class AddressGuard {
  readonly #named: IpNetworks

  /** @param named addresses and networks such as 10.1.0.0/16, checked already */
  constructor(named: readonly string[]) {
    this.#named = new IpNetworks(named)
  }

  allows(address: string): boolean {
    return isPublicAddress(address) || this.#named.has(address)
  }
}
