import { LocalStore, type LocalStoreOptions } from './local-store.ts'
import { SqliteJournal, type SqliteOptions } from './sqlite-journal.ts'

/**
 * The embedded server's store: memory for reads, SQLite for what must last.
 *
 * Opening checks the whole file. Throws store.corrupt (nothing is touched or made anew), store.in-use, store.config.
 * A write that finds no space is refused with store.full and leaves everything as it was.
 */
export class SqliteStore extends LocalStore {
  private readonly sqlite: SqliteJournal

  constructor(options: LocalStoreOptions & SqliteOptions) {
    const sqlite = new SqliteJournal(options)
    try {
      super(options, sqlite)
    } catch (error) {
      sqlite.close()
      throw error
    }
    this.sqlite = sqlite
  }

  close(): void {
    this.sqlite.close()
  }
}
