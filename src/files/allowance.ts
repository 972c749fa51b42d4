/** How much may still be written: bytes, and files and folders. Several writers may share one. */
export class Allowance {
  readonly limits: { readonly bytes: number; readonly files: number }
  /** Shared with others, who take from it too. */
  readonly #within: Allowance | undefined
  #bytes = 0
  #files = 0
  #wasSharedShort = false

  constructor(limits: { readonly bytes: number; readonly files: number }, within?: Allowance) {
    this.limits = limits
    this.#within = within
  }

  /** What has been taken and not given back. */
  get taken(): { readonly bytes: number; readonly files: number } {
    return { bytes: this.#bytes, files: this.#files }
  }

  /** Whether it was the shared one that had too little left, the last time that something was refused. */
  get wasSharedShort(): boolean {
    return this.#wasSharedShort
  }

  /** False when that is more than is left; nothing is taken then. */
  take(bytes: number, files: number): boolean {
    const isOver = this.#bytes + bytes > this.limits.bytes || this.#files + files > this.limits.files
    this.#wasSharedShort = !isOver && this.#within?.take(bytes, files) === false
    if (isOver || this.#wasSharedShort) return false
    this.#bytes += bytes
    this.#files += files
    return true
  }

  /** For what exists already, whatever is left. */
  occupy(bytes: number, files: number): void {
    this.#within?.occupy(bytes, files)
    this.#bytes += bytes
    this.#files += files
  }

  giveBack(bytes: number, files: number): void {
    this.#within?.giveBack(bytes, files)
    this.#bytes -= bytes
    this.#files -= files
  }
}
