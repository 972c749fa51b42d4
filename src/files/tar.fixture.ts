import { type Header, pack } from 'tar-stream'

export type TarEntry = Partial<Omit<Header, 'size'>> & { readonly name: string; readonly content?: string | Buffer }

/** An archive as it would be sent; names that end in a slash are folders. */
export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const packer = pack()
  for (const { content = '', ...header } of entries) {
    const type = header.type ?? (header.name.endsWith('/') ? 'directory' : 'file')
    packer.entry({ ...header, type }, content)
  }
  packer.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of packer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
