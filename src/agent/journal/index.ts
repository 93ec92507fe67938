export { FileJournalDisk, type JournalDisk } from './disk.ts'
export { Journal, type JournalRecord } from './journal.ts'
