import { findCycle } from './cycles.ts'
import type { SourceFile } from './source-file.ts'

/** Imports go from a row to rows above it, or sideways in a row as long as no circle results. */
const LAYERS = [
  ['util'],
  ['core'],
  ['engine', 'resources', 'admission', 'journal'],
  ['images', 'logs', 'files', 'webhooks'],
  ['instance'],
  ['warm', 'forward'],
  ['service'],
  ['executor', 'http'],
  ['daemon', 'client'],
  ['cli'],
]
const MAX_LINES = 400
/** A folder in one of these is one implementation of the port beside it: `src/engine/docker/`. */
const PORTS = ['engine', 'journal']
/** The places that choose implementations. */
const COMPOSERS = ['daemon', 'executor']

/** What may be shipped to callers: values, rules and the words on the wire, and nothing that serves them. */
const CLIENT_MAY_IMPORT = ['src/util/', 'src/core/', 'src/http/contract/', 'src/client/']
/** What would let a command talk to a daemon past the client. */
const HTTP_PACKAGES = ['undici', 'node:http', 'node:https', 'node:http2']

/** Every way in which the files of src break the rules of CONTRIBUTING.md, one sentence each. */
export function findViolations(files: readonly SourceFile[]): string[] {
  return [
    ...files.flatMap((file) => [...sizeOf(file), ...globalsOf(file), ...layersOf(file)]),
    ...cyclesBetween('files', files, (path) => path),
    ...cyclesBetween(
      'folders',
      files.filter((file) => !file.isTest),
      folderOf,
    ),
  ]
}

/** `core` of `src/core/task.ts`. */
function folderOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function sizeOf({ path, lines }: SourceFile): string[] {
  return lines > MAX_LINES ? [`${path} has ${lines} lines, more than ${MAX_LINES}`] : []
}

function globalsOf({ path, isTest, readsEnvironment, moduleVariables }: SourceFile): string[] {
  const mayRead = isTest || path.startsWith('src/daemon/config')
  return [
    ...(readsEnvironment && !mayRead ? [`${path} reads process.env, which is for src/daemon/config alone`] : []),
    ...moduleVariables.map((name) => `${path} holds state in the module-level variable ${name}`),
  ]
}

/** Tests stand outside the layers: they may put together what they need. */
function layersOf(file: SourceFile): string[] {
  const from = layerOf(file.path)
  if (from === -1) return [`${file.path} lies in no layer: give its folder a place in ${import.meta.filename}`]
  if (file.isTest) return []
  return [...file.imports.flatMap((target) => breachOf(file.path, from, target)), ...bypassesOf(file)]
}

function breachOf(path: string, from: number, target: string): string[] {
  if (layerOf(target) > from) return [`${path} imports upward: ${target}`]
  if (isForeignImplementation(path, target)) return [`${path} imports an implementation: ${target}`]
  const isForeignToClient = !CLIENT_MAY_IMPORT.some((folder) => target.startsWith(folder))
  return folderOf(path) === 'client' && isForeignToClient ? [`${path} imports what clients do not have: ${target}`] : []
}

function bypassesOf({ path, packages }: SourceFile): string[] {
  if (folderOf(path) !== 'cli') return []
  const found = packages.filter((name) => HTTP_PACKAGES.includes(name))
  return found.map((name) => `${path} talks HTTP by itself, past src/client: ${name}`)
}

function layerOf(path: string): number {
  return LAYERS.findIndex((folders) => folders.includes(folderOf(path)))
}

function isForeignImplementation(importer: string, target: string): boolean {
  const [source, port = '', implementation = '', ...rest] = target.split('/')
  if (!PORTS.includes(port) || rest.length === 0) return false
  return !importer.startsWith(`${source}/${port}/${implementation}/`) && !COMPOSERS.includes(folderOf(importer))
}

function cyclesBetween(what: string, files: readonly SourceFile[], nodeOf: (path: string) => string): string[] {
  const graph = new Map<string, Set<string>>()
  for (const { path, imports } of files) {
    const targets = graph.get(nodeOf(path)) ?? new Set()
    graph.set(nodeOf(path), targets)
    for (const target of imports) {
      // Files within a folder may import each other; a file that imports itself is a circle.
      if (what === 'files' || nodeOf(target) !== nodeOf(path)) targets.add(nodeOf(target))
    }
  }
  const cycle = findCycle(graph)
  return cycle === undefined ? [] : [`${what} import each other in a circle: ${cycle.join(' -> ')}`]
}
