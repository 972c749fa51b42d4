import { testConfigJournal } from '../config-conformance.ts'
import { testJournal } from '../conformance.ts'
import { MemoryJournal } from './memory-journal.ts'

testJournal('memory', async () => new MemoryJournal())

testConfigJournal('memory', async () => new MemoryJournal())
