export type Graph = ReadonlyMap<string, ReadonlySet<string>>

/** One cycle as the path that closes it (`a`, `b`, `a`), or undefined when there is none. */
export function findCycle(graph: Graph): string[] | undefined {
  const done = new Set<string>()
  for (const start of graph.keys()) {
    const cycle = walk(graph, start, [], done)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

function walk(graph: Graph, node: string, trail: string[], done: Set<string>): string[] | undefined {
  if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node]
  if (done.has(node)) return undefined
  for (const next of graph.get(node) ?? []) {
    const cycle = walk(graph, next, [...trail, node], done)
    if (cycle !== undefined) return cycle
  }
  done.add(node)
  return undefined
}
