export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** The value below which `percent` of `values` lie (nearest rank). NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = Math.ceil((percent / 100) * sorted.length)
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN
}

export function spread(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)]
}

/** Each value of `left` against the one of the same pass in `right`. */
export function pairwise(
  left: readonly number[],
  right: readonly number[],
  combine: (left: number, right: number) => number,
): number[] {
  return left.map((value, pass) => combine(value, right[pass] ?? Number.NaN))
}

/**
 * Runs every arm once per pass, A B C A B C, so that a machine that gets busier or hotter does so for all of them.
 * Answers with each arm's results in the order of the passes.
 */
export async function interleave<Arms extends Readonly<Record<string, () => Promise<unknown>>>>(
  passes: number,
  arms: Arms,
): Promise<{ [Name in keyof Arms]: Awaited<ReturnType<Arms[Name]>>[] }> {
  const names: (keyof Arms)[] = Object.keys(arms)
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as {
    [Name in keyof Arms]: Awaited<ReturnType<Arms[Name]>>[]
  }
  for (let pass = 0; pass < passes; pass += 1) {
    for (const name of names) results[name].push((await arms[name]?.()) as Awaited<ReturnType<Arms[typeof name]>>)
  }
  return results
}
