import { after, before, describe, test } from 'node:test'
import { GuideExamples } from '../support/guide-examples.ts'

describe('docs/guide/testing-with-the-fake-engine.md', () => {
  const extracted = Promise.withResolvers<GuideExamples>()
  before(async () => extracted.resolve(await GuideExamples.extract('testing-with-the-fake-engine.md')))
  after(async () => (await extracted.promise)[Symbol.asyncDispose]())

  test('has three complete examples, which compile and pass', async (t) => {
    const examples = await extracted.promise
    t.assert.equal(examples.files.length, 3)
    await examples.compile()
    await examples.run()
  })
})
