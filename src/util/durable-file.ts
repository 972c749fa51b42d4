import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** Either the whole file is there after a crash or power failure, or none of it. Readable by the owner alone. */
export async function writeDurably(folder: string, name: string, value: object): Promise<void> {
  const draft = join(folder, `${name}.draft`)
  {
    await using file = await open(draft, 'w', 0o600)
    await file.writeFile(`${JSON.stringify(value)}\n`)
    await file.sync()
  }
  await rename(draft, join(folder, name))
  await using directory = await open(folder, 'r')
  await directory.sync()
}
