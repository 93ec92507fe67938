import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { errorText } from '../base/index.ts'
import { deepFreeze } from '../derive/index.ts'
import { checkObject, issuesText, type Kind, type KindMap } from '../model/index.ts'
import type { StoredChange } from './change-window.ts'
import { type StoreError, storeError } from './errors.ts'
import type { Journal, LoadedKind } from './local-store.ts'

export interface SqliteOptions {
  /** Path of the database file; its directory must exist. */
  readonly path: string
  /** `normal` (default): no write is lost when the process dies. `full`: nor when the machine does; slower. */
  readonly synchronous?: 'normal' | 'full'
  /** Upper bound of the file in pages of 4 KiB, for tests; default none. */
  readonly maxPages?: number
}

const schemaVersion = 1

/** Result codes of sqlite3.h that mean something to whoever runs the server. */
const resultCodes = { busy: 5, ioError: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 }

/**
 * The durable half of the embedded server: the objects, and the last changes for watches to continue after a restart.
 * One transaction a write; WAL, so that a killed process loses nothing that was acknowledged.
 */
export class SqliteJournal implements Journal {
  private readonly database: DatabaseSync
  private readonly path: string
  private readonly statements: ReturnType<typeof prepareStatements>

  constructor(options: SqliteOptions) {
    this.path = options.path
    this.database = openDatabase(options)
    this.statements = prepareStatements(this.database)
  }

  get revision(): number {
    return this.guard('read revision', () => numberOf(this.statements.revision.get(), 'revision'))
  }

  load<K extends Kind>(kind: K): LoadedKind<KindMap[K]> {
    return this.guard(`load ${kind}`, () => {
      const objects = new Map<string, KindMap[K]>()
      for (const row of this.statements.objects.all(kind)) {
        const object = this.parse(kind, textOf(row, 'object'))
        if (object !== undefined) objects.set(textOf(row, 'key') ?? '', object)
      }
      const changes = this.statements.changes.all(kind).map(row => this.changeOf(kind, row))
      const droppedUpTo = numberOf(this.statements.dropped.get(kind), 'revision')
      return { objects, changes, droppedUpTo }
    })
  }

  append(kind: Kind, change: StoredChange<KindMap[Kind]>, droppedUpTo: number): void {
    const { begin, commit, rollback, putObject, deleteObject, putChange, drop, putDropped } = this.statements
    const { revision, key, before, after } = change
    const afterText = after === undefined ? null : JSON.stringify(after)
    this.guard(`write ${kind} ${key}`, () => {
      begin.run()
      try {
        if (afterText === null) deleteObject.run(kind, key)
        else putObject.run(kind, key, afterText)
        putChange.run(revision, kind, key, before === undefined ? null : JSON.stringify(before), afterText)
        if (numberOf(drop.run(kind, droppedUpTo), 'changes') > 0) putDropped.run(kind, droppedUpTo)
        commit.run()
      } catch (error) {
        if (this.database.isTransaction) rollback.run()
        throw error
      }
    })
  }

  close(): void {
    if (this.database.isOpen) this.database.close()
  }

  private changeOf<K extends Kind>(kind: K, row: Row): StoredChange<KindMap[K]> {
    const before = this.parse(kind, textOf(row, 'before'))
    const after = this.parse(kind, textOf(row, 'after'))
    return {
      revision: numberOf(row, 'revision'),
      key: textOf(row, 'key') ?? '',
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    }
  }

  /** What stands in the file is input from outside too: an edited or older database must not become a wrong object. */
  private parse<K extends Kind>(kind: K, text: string | undefined): KindMap[K] | undefined {
    if (text === undefined) return undefined
    const checked = checkObject(kind, JSON.parse(text))
    if (checked.ok) return deepFreeze(checked.object)
    throw corrupt(this.path, `an object in it is not a valid ${kind}: ${issuesText(checked.issues)}`)
  }

  private guard<T>(op: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw translate(op, this.path, error)
    }
  }
}

type Row = unknown

function openDatabase(options: SqliteOptions): DatabaseSync {
  const { path, synchronous = 'normal', maxPages } = options
  // asked for only here: a program that merely imports the store's door does not load SQLite
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    // exclusive locking: a second process is refused instead of served, and no shared-memory file is needed
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`)
    checkIntegrity(database, path)
    createTables(database, path)
    if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${Math.floor(maxPages)}`)
    return database
  } catch (error) {
    database?.close()
    throw translate('open database', path, error)
  }
}

function checkIntegrity(database: DatabaseSync, path: string): void {
  const finding = textOf(database.prepare('PRAGMA integrity_check(1)').get(), 'integrity_check')
  if (finding !== 'ok') throw corrupt(path, String(finding))
}

function createTables(database: DatabaseSync, path: string): void {
  const found = numberOf(database.prepare('PRAGMA user_version').get(), 'user_version')
  if (found > schemaVersion) {
    const message = `${path} was written by a newer podlace (format ${found}, this one knows ${schemaVersion}): use that one, or another file`
    throw storeError('open database', message, { code: 'store.config', path })
  }
  database.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS objects (
      kind TEXT NOT NULL, key TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS changes (
      revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, before TEXT, after TEXT) STRICT;
    CREATE INDEX IF NOT EXISTS changes_of_kind ON changes (kind, revision);
    CREATE TABLE IF NOT EXISTS dropped (kind TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT;
    PRAGMA user_version = ${schemaVersion};
    COMMIT`)
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql)
  return {
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    // the last change of each kind is always kept, so the highest revision is too
    revision: prepare('SELECT coalesce(max(revision), 0) AS revision FROM changes'),
    objects: prepare('SELECT key, object FROM objects WHERE kind = ? ORDER BY key'),
    changes: prepare('SELECT revision, key, before, after FROM changes WHERE kind = ? ORDER BY revision'),
    dropped: prepare('SELECT coalesce(max(revision), 0) AS revision FROM dropped WHERE kind = ?'),
    putObject: prepare('INSERT OR REPLACE INTO objects (kind, key, object) VALUES (?, ?, ?)'),
    deleteObject: prepare('DELETE FROM objects WHERE kind = ? AND key = ?'),
    putChange: prepare('INSERT INTO changes (revision, kind, key, before, after) VALUES (?, ?, ?, ?, ?)'),
    drop: prepare('DELETE FROM changes WHERE kind = ? AND revision <= ?'),
    putDropped: prepare('INSERT OR REPLACE INTO dropped (kind, revision) VALUES (?, ?)'),
  } satisfies Record<string, { run(...parameters: SQLInputValue[]): unknown }>
}

function corrupt(path: string, finding: string): StoreError {
  const message =
    `the database ${path} is damaged (${finding}). It is left as it is. Restore it from a backup; or move it away ` +
    `(mv ${path} ${path}.damaged, and the same for ${path}-wal if it is there) and start again with an empty store`
  return storeError('open database', message, { code: 'store.corrupt', path })
}

/** An SQLite result code as an error that says what to do. */
function translate(op: string, path: string, error: unknown): unknown {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
  if (code === undefined) return error
  if (code === resultCodes.corrupt || code === resultCodes.notADatabase)
    return corrupt(path, errorText(error))
  if (code === resultCodes.full || code === resultCodes.ioError) {
    const message = `cannot ${op}: no space, or the disk fails, under ${path} (${errorText(error)}). Reads go on; make room and repeat`
    return storeError(op, message, { code: 'store.full', path }, error)
  }
  if (code === resultCodes.busy) {
    const message = `the database ${path} is open in another process: stop that one, or give this one another file`
    return storeError(op, message, { code: 'store.in-use', path }, error)
  }
  if (code === resultCodes.cantOpen) {
    const message = `cannot open the database ${path}: does its directory exist, and may this user write there?`
    return storeError(op, message, { code: 'store.config', path }, error)
  }
  return error
}

function columnOf(row: Row, name: string): unknown {
  return typeof row === 'object' && row !== null ? Reflect.get(row, name) : undefined
}

function numberOf(row: Row, name: string): number {
  return Number(columnOf(row, name) ?? 0)
}

function textOf(row: Row, name: string): string | undefined {
  const value = columnOf(row, name)
  return typeof value === 'string' ? value : undefined
}
