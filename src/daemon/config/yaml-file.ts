import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml'
import { ErrandError } from '../../core/errors.ts'
import { isConfigKey, isSection, unknownKey } from './check-value.ts'
import type { ConfigProblem, Origin } from './config-error.ts'
import type { Entry, Layer } from './layer.ts'

/** Reads the text of a configuration file. An empty file says nothing, which is fine. */
export function readYaml(path: string, text: string): Layer {
  return new YamlFile(path, text).read()
}

class YamlFile {
  readonly #path: string
  readonly #lines = new LineCounter()
  readonly #document: Document.Parsed
  readonly #entries: Entry[] = []
  readonly #problems: ConfigProblem[] = []

  constructor(path: string, text: string) {
    this.#path = path
    // Duplicates are found by `#checkNodes`, which can name the key.
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false })
  }

  read(): Layer {
    const { errors, warnings, contents } = this.#document
    for (const error of [...errors, ...warnings])
      this.#refuse(error.pos[0], undefined, `is not valid YAML: ${error.message}`)
    if (errors.length > 0) return { entries: [], problems: this.#problems }
    this.#checkNodes()
    if (isMap(contents)) this.#readMap(contents, [])
    else if (!isNothing(contents)) this.#refuse(0, undefined, 'must be a mapping of keys to values')
    return { entries: this.#entries, problems: this.#problems }
  }

  #readMap(map: YAMLMap, section: readonly string[]): void {
    for (const pair of map.items) this.#readPair(pair, section)
  }

  #readPair(pair: Pair, section: readonly string[]): void {
    const path = [...section, keyName(pair)]
    const key = path.join('.')
    const at = offsetOf(pair.key) ?? 0
    const value = this.#resolve(pair.value)
    if (keyName(pair).includes('.')) this.#refuse(at, key, 'has a dot: write sections as mappings')
    else if (isConfigKey(key)) this.#addEntry(key, path, at, value)
    else if (!isSection(key)) this.#refuse(at, key, unknownKey(key))
    else if (isMap(value)) this.#readMap(value, path)
    else if (!isNothing(value)) this.#refuse(at, key, 'must be a mapping of keys to values')
  }

  #addEntry(key: string, path: readonly string[], at: number, node: unknown): void {
    const value = this.#toPlain(node, at)
    const originOf = (inner: readonly (string | number)[]) => this.#origin(this.#locate([...path, ...inner]) ?? at)
    this.#entries.push({ key, value, origin: this.#origin(at), originOf })
  }

  #toPlain(node: unknown, at: number): unknown {
    try {
      return isNode(node) ? node.toJS(this.#document) : null
    } catch (error) {
      this.#refuse(at, undefined, `is not valid YAML: ${ErrandError.from(error).message}`) // an alias too many
      return null
    }
  }

  /** Where a path, or as much of it as there is, begins: at its key, or at its item of a list. */
  #locate(path: readonly (string | number)[]): number | undefined {
    let node: unknown = this.#document.contents
    let offset: number | undefined
    for (const step of path) {
      node = this.#resolve(node)
      const pair = isMap(node) ? node.items.find((item) => keyName(item) === String(step)) : undefined
      const item = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined
      const next = offsetOf(pair?.key ?? item)
      if (next === undefined) return offset
      offset = next
      node = pair === undefined ? item : pair.value
    }
    return offset
  }

  /** Refuses keys given twice, `__proto__`, which would not survive the way to a plain object, and aliases of nothing. */
  #checkNodes(): void {
    visit(this.#document, {
      Alias: (_, alias) => {
        if (this.#resolve(alias) !== undefined) return
        this.#refuse(offsetOf(alias) ?? 0, undefined, `is not valid YAML: nothing is called &${alias.source}`)
      },
      Map: (_, map, ancestors) => {
        const above = ancestors.filter(isPair).map(keyName)
        const seen = new Set<string>()
        for (const pair of map.items) {
          const name = keyName(pair)
          const key = [...above, name].join('.')
          if (seen.has(name)) this.#refuse(offsetOf(pair.key) ?? 0, key, 'is given twice')
          else if (name === '__proto__') this.#refuse(offsetOf(pair.key) ?? 0, key, 'cannot be a key')
          seen.add(name)
        }
      },
    })
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node
  }

  #refuse(offset: number, key: string | undefined, message: string): void {
    this.#problems.push({ origin: this.#origin(offset), key, message })
  }

  #origin(offset: number): Origin {
    return { kind: 'file', path: this.#path, line: Math.max(1, this.#lines.linePos(offset).line) }
  }
}

function isNothing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}

function keyName(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}
