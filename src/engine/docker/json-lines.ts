const LINE_FEED = '\n'

/** The values of a stream of JSON, one a line, as they come. A last line that was cut off is dropped. */
export async function* jsonLines(body: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let begun: string[] = []
  for await (const chunk of body) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split(LINE_FEED)
    begun.push(first)
    for (const next of others) {
      const line = begun.join('')
      begun = [next]
      if (line.trim() !== '') yield JSON.parse(line) as unknown
    }
  }
}
