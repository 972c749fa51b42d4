import { docker } from './engine-host.ts'
import { httpCall } from './http-call.ts'
import { ensureTask } from './test-tasks.ts'

interface Target {
  readonly host: string
  readonly port: number
}

/** What a puppet can be told, one thing at a time. */
export type Directive =
  | { readonly hold: true }
  /** Answers with an outcome for each: `connected`, or an error's code (`SILENCE` for no answer in 1.5 s). */
  | { readonly connect: readonly Target[] }
  /** The same over UDP: `answered`, or a code. */
  | { readonly send: readonly Target[] }
  | { readonly resolve: string }
  | { readonly answer: { readonly status: number; readonly body: string } }
  | { readonly print: string }
  | { readonly ignoreSigterm: true }

/** The body of `POST /` for a small puppet. Others are other tasks: each `mem` is one. */
export async function puppetRequest(directive: Directive, mem = 64): Promise<{ id: string } & Record<string, unknown>> {
  return { id: await ensureTask('puppet'), resource: { cpu: 0.5, mem }, input: JSON.stringify(directive) }
}

/** A running puppet, spoken to past the daemon. */
export class Puppet {
  readonly #address: string

  private constructor(address: string) {
    this.#address = address
  }

  static async in(container: string): Promise<Puppet> {
    return new Puppet(`${await addressOf(container)}:8080`)
  }

  /** Resolves once it holds so many requests. */
  async holds(count: number): Promise<void> {
    await httpCall(this.#address, { method: 'GET', path: `/held?count=${count}` })
  }

  /** Answers every request that it holds, with `freed`. */
  async free(): Promise<void> {
    await httpCall(this.#address, { method: 'GET', path: '/free' })
  }
}

export async function addressOf(container: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  const [address = ''] = await docker('inspect', '--format', format, container)
  return address
}
