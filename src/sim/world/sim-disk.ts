import type { JournalDisk } from '../../agent/index.ts'
import { type Process, ProcessEnded } from './process.ts'

interface Write {
  readonly offset: number
  readonly bytes: Uint8Array
}

const SECTOR = 512

/** The file of a machine's journal: what is surely on the platter, and what is only in the kernel's cache. */
export class MachineDisk {
  /** No new file can be made; the present one, which is allocated, can be written. */
  full = false
  /** Small files beside the journal, which are replaced whole. */
  private readonly files = new Map<string, string>()
  private durable: Uint8Array | undefined
  private cached: Write[] = []
  /** Copies that were set aside. */
  copies = 0

  /** What any process sees. */
  contents(): Uint8Array | undefined {
    const bytes = this.durable?.slice()
    if (bytes !== undefined) for (const write of this.cached) bytes.set(write.bytes, write.offset)
    return bytes
  }

  /** True if a process that is started now would read the text. */
  hasWritten(text: string): boolean {
    return includes(this.contents(), text)
  }

  /** True if the text would be there after a power cut, whatever else is lost. */
  hasSynced(text: string): boolean {
    return includes(this.durable, text)
  }

  replace(bytes: Uint8Array): void {
    if (this.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    this.durable = bytes.slice()
    this.cached = []
  }

  readFile(name: string): string {
    const text = this.files.get(name)
    if (text === undefined) throw Object.assign(new Error(`ENOENT: no such file ${name}`), { code: 'ENOENT' })
    return text
  }

  writeFile(name: string, text: string): void {
    if (this.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    this.files.set(name, text)
  }

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.cached.push({ offset, bytes: bytes.slice() })
  }

  /** What a sync that begins now is sure to bring down. */
  unsynced(): readonly Write[] {
    return [...this.cached]
  }

  bringDown(writes: readonly Write[]): void {
    for (const { offset, bytes } of this.cached.filter(write => writes.includes(write))) {
      this.durable?.set(bytes, offset)
    }
    this.cached = this.cached.filter(write => !writes.includes(write))
  }

  /** Of what was not synced any sectors are lost; so are small files, which nobody syncs. */
  powerCut(random: () => number): void {
    for (const name of this.files.keys()) if (random() < 0.5) this.files.delete(name)
    for (const { offset, bytes } of this.cached) {
      for (let start = 0; start < bytes.length; ) {
        const end = Math.min(bytes.length, start + SECTOR - ((offset + start) % SECTOR))
        if (random() < 0.5) this.durable?.set(bytes.subarray(start, end), offset + start)
        start = end
      }
    }
    this.cached = []
  }

  clone(): MachineDisk {
    const copy = new MachineDisk()
    copy.durable = this.contents()
    for (const [name, text] of this.files) copy.files.set(name, text)
    return copy
  }
}

function includes(bytes: Uint8Array | undefined, text: string): boolean {
  return bytes !== undefined && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text)
}

/** The disk as one process has it: each write and sync may be its last step, and the last write may be torn. */
export function diskOf(disk: MachineDisk, process: Process): JournalDisk {
  return {
    name: 'journal',
    read: () => disk.contents(),
    replace(bytes) {
      process.step('replacing the journal')
      disk.replace(bytes)
      process.step('having replaced the journal')
    },
    write(offset, bytes) {
      const { alive } = process
      if (process.dies('writing to the journal')) {
        if (alive) disk.write(offset, bytes.subarray(0, Math.floor(process.random() * bytes.length)))
        throw new ProcessEnded('the journal cannot be written any more')
      }
      disk.write(offset, bytes)
      process.step('having written to the journal')
    },
    sync() {
      let isDone = false
      const sync = async (): Promise<void> => {
        process.step('syncing the journal')
        const writes = disk.unsynced()
        await process.wait(process.random() * 5, 'journal synced')
        disk.bringDown(writes)
        isDone = true
        process.step('having synced the journal')
      }
      return { isDone: () => isDone, done: sync() }
    },
    setAside() {
      disk.copies += 1
      return `copy ${disk.copies}`
    },
    close() {},
  }
}
