interface Page {
  /** Of the next one; absent on the last. */
  readonly cursor?: string
}

interface PageOptions {
  readonly cursor?: string
}

/** Everything from a cursor on, or from the beginning; a page is asked for when the one before has been read. */
export async function* readPages<Item, Answer extends Page, Options extends PageOptions>(
  { cursor, ...options }: Options,
  load: (options: Omit<Options, 'cursor'> & PageOptions) => Promise<Answer>,
  itemsOf: (page: Answer) => readonly Item[],
): AsyncGenerator<Item, void, undefined> {
  for (let next = cursor; ; ) {
    const page = await load({ ...options, ...(next !== undefined && { cursor: next }) })
    yield* itemsOf(page)
    next = page.cursor
    if (next === undefined) return
  }
}
