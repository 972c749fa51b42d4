/** How much may still be written: bytes, and files and folders. Several writers may share one. */
export class Allowance {
  #bytes: number
  #files: number

  constructor(limits: { readonly bytes: number; readonly files: number }) {
    this.#bytes = limits.bytes
    this.#files = limits.files
  }

  /** False when that is more than is left; nothing is taken then. */
  take(bytes: number, files: number): boolean {
    if (bytes > this.#bytes || files > this.#files) return false
    this.#bytes -= bytes
    this.#files -= files
    return true
  }

  giveBack(bytes: number, files: number): void {
    this.#bytes += bytes
    this.#files += files
  }
}
