import fs from 'node:fs'
import path from 'node:path'
import { type Aside, ifThere } from '../../base/index.ts'
import { syncFile } from '../../sys/index.ts'

/** Where a journal lives. Injected, so that a simulation can tear writes and lose what was not synced. */
export interface JournalDisk {
  /** How messages name it: the file's path. */
  readonly name: string
  /** The whole file, or undefined if there is none. */
  read(): Uint8Array | undefined
  /** Puts a new file in place of the old one, atomically and durably. */
  replace(bytes: Uint8Array): void
  /** Writes inside the present file: survives the death of this process at once, a power cut after `sync`. */
  write(offset: number, bytes: Uint8Array): void
  sync(): Aside
  /** Keeps a copy of the present file beside it and returns the copy's path. */
  setAside(): string
  close(): void
}

/** A journal file in a directory of the agent's own, mode 0600. */
export class FileJournalDisk implements JournalDisk {
  readonly name: string
  private readonly file: string
  private fd: number | undefined
  /** Syncs under way, by descriptor: one that is synced in a pool thread must not be closed meanwhile. */
  private readonly syncs = new Map<number, Promise<void>>()

  constructor(file: string) {
    this.name = file
    this.file = file
  }

  read(): Uint8Array | undefined {
    return ifThere(() => {
      const bytes = fs.readFileSync(this.file)
      this.reopen()
      return bytes
    })
  }

  replace(bytes: Uint8Array): void {
    const temporary = `${this.file}.new`
    try {
      fs.writeFileSync(temporary, bytes, { mode: 0o600, flush: true })
      fs.renameSync(temporary, this.file)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
    syncDirectory(path.dirname(this.file))
    this.reopen()
  }

  write(offset: number, bytes: Uint8Array): void {
    let done = 0
    while (done < bytes.length) {
      done += fs.writeSync(this.openFd(), bytes, done, bytes.length - done, offset + done)
    }
  }

  sync(): Aside {
    const fd = this.openFd()
    const { isDone, done: synced } = syncFile(fd)
    const done = synced.finally(() => {
      if (this.syncs.get(fd) === done) this.syncs.delete(fd)
    })
    this.syncs.set(fd, done)
    return { isDone, done }
  }

  setAside(): string {
    for (let n = 1; ; n += 1) {
      const copy = `${this.file}.corrupt-${n}`
      if (fs.existsSync(copy)) continue
      fs.copyFileSync(this.file, copy, fs.constants.COPYFILE_EXCL)
      return copy
    }
  }

  close(): void {
    const { fd } = this
    this.fd = undefined
    if (fd === undefined) return
    const sync = this.syncs.get(fd)
    const closeLater = () => fs.close(fd, () => {})
    if (sync === undefined) fs.closeSync(fd)
    else sync.then(closeLater, closeLater)
  }

  private openFd(): number {
    this.fd ??= fs.openSync(this.file, 'r+')
    return this.fd
  }

  private reopen(): void {
    this.close()
    this.openFd()
  }
}

function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
