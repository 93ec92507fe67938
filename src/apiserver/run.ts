import { randomInt } from 'node:crypto'
import { type Clock, type Logger, systemClock } from '../base/index.ts'
import { MemoryStore, SqliteStore } from '../store/index.ts'
import { type AccessToken, readTokenFile } from './auth.ts'
import { createApiServer } from './server.ts'

export interface RunApiServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 6443; 0 takes a free one. */
  readonly port?: number
  /** SQLite file; without it everything is in memory and gone with the process. */
  readonly database?: string
  /** `full` also survives a power cut, at the price of a disk flush a write; default `normal`. */
  readonly synchronous?: 'normal' | 'full'
  /** As `readTokenFile` reads it. Without it and without `tokens`, everybody may do everything. */
  readonly tokenFile?: string
  readonly tokens?: readonly AccessToken[]
  readonly version?: string
  readonly clock?: Clock
  readonly log: Logger
}

export interface RunningApiServer {
  readonly port: number
  close(): Promise<void>
}

/** The program `podlace apiserver`: opens the store, serves it, and returns once requests are taken. */
export async function runApiServer(options: RunApiServerOptions): Promise<RunningApiServer> {
  const { log, clock = systemClock, database, synchronous = 'normal', tokenFile } = options
  const tokens = tokenFile === undefined ? options.tokens : readTokenFile(tokenFile)
  const storeOptions = { clock, random: secureRandom }
  const sqlite =
    database === undefined ? undefined : new SqliteStore({ ...storeOptions, path: database, synchronous })
  const server = createApiServer({
    store: sqlite ?? new MemoryStore(storeOptions),
    clock,
    log,
    ...(tokens === undefined ? {} : { tokens }),
    ...(options.version === undefined ? {} : { version: options.version }),
  })
  try {
    const { port } = await server.listen(options.port ?? 6443, options.host)
    log.info('API server ready', {
      port,
      database: database ?? 'memory',
      tokens: tokens?.length ?? 'none: open to all',
    })
    return {
      port,
      async close() {
        await server.close()
        sqlite?.close()
      },
    }
  } catch (error) {
    sqlite?.close()
    throw error
  }
}

/** Uniform in [0, 1) and not to be guessed: uids are made from it. */
function secureRandom(): number {
  return randomInt(2 ** 47) / 2 ** 47
}
