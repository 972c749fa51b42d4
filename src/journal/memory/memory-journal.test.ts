import { testJournal } from '../conformance.ts'
import { MemoryJournal } from './memory-journal.ts'

testJournal('memory', async () => new MemoryJournal())
