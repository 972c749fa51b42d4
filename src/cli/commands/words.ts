/** The words of a command after an argument: Commander leaves the `--` there that sets them apart. */
export function wordsAfter(words: readonly string[]): readonly string[] {
  return words[0] === '--' ? words.slice(1) : words
}
