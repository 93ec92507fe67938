import * as v from 'valibot'
import { type Aside, errorText, PodlaceError } from '../../base/index.ts'
import { cniError } from '../../cni/index.ts'
import type { JournalDisk } from './disk.ts'
import { decodeLines, encodeLine } from './lines.ts'

/**
 * What the agent has promised, on disk: one record per attachment. The intent is written before the first
 * kernel operation of an ADD, and synced before the ADD is answered; `done` and `forget` are only written. A process that
 * dies loses nothing it wrote, and a machine that dies takes the namespaces along (the boot id in the header then empties
 * the journal).
 *
 * The file is allocated ahead and every live record keeps room for its own end, so that on a full disk a new
 * intent is refused while DEL still works.
 */
export interface JournalRecord<T> {
  readonly value: T
  /** False: the ADD was begun and never answered. */
  readonly done: boolean
}

export interface JournalOptions<T> {
  readonly disk: JournalDisk
  readonly bootId: string
  readonly parse: (value: unknown) => T
  /** Told of each value that becomes live, under a key that had `before`, and of each that is forgotten. */
  readonly onChange?: (before: T | undefined, after: T | undefined) => void
  /** Keep the readable records of a damaged file and set a copy of it aside, instead of refusing to start. */
  readonly recover?: boolean
}

const FORMAT = 1
const FIRST_SIZE = 256 * 1024
/** A `done` and a `forget` line of one record: two checksums and twice a key of at most 255 + 15 bytes. */
const ENDING_ROOM = 1024

const Header = v.object({
  format: v.literal(FORMAT),
  bootId: v.string(),
  /** Attachments that it does not speak of may be there. */
  isLossy: v.optional(v.boolean(), false),
})
const Line = v.variant('op', [
  v.object({ op: v.literal('intend'), key: v.string(), value: v.unknown() }),
  v.object({ op: v.literal('done'), key: v.string() }),
  v.object({ op: v.literal('forget'), key: v.string() }),
])
type Written = v.InferOutput<typeof Line>
/** A line with its value read by the journal's owner. */
type ReadLine<T> = Exclude<Written, { op: 'intend' }> | { op: 'intend'; key: string; value: T }

export class Journal<T> {
  private readonly options: JournalOptions<T>
  private readonly byKey = new Map<string, JournalRecord<T>>()
  private size = 0
  private end = 0
  private syncing: Aside | undefined
  private nextSync: Aside | undefined
  private lossy: boolean
  /** What was found at opening, for the log; undefined if there was nothing to say. */
  readonly notice: string | undefined

  /**
   * Throws `agent.journal-corrupt` (and changes nothing) if the file is damaged and `recover` is not set, and
   * `agent.journal` if it cannot be read or written.
   */
  constructor(options: JournalOptions<T>) {
    this.options = options
    const { name } = options.disk
    try {
      const found = this.load()
      this.notice = found.notice
      this.lossy = found.isLossy
      this.compact(0)
    } catch (cause) {
      if (cause instanceof PodlaceError) throw cause
      throw new PodlaceError(
        'open the attachment journal',
        `cannot read and write the attachment journal ${name}: it must belong to the agent's user, and its disk must have room for ${FIRST_SIZE / 1024} KiB`,
        { code: 'agent.journal' },
        { cause },
      )
    }
  }

  /** What was recorded in this life of the machine was lost, or not all of it could be read. Kept across restarts. */
  get isLossy(): boolean {
    return this.lossy
  }

  /** There is nothing that it does not speak of. */
  declareWhole(): void {
    if (!this.lossy) return
    this.lossy = false
    this.compact(0)
  }

  get(key: string): JournalRecord<T> | undefined {
    return this.byKey.get(key)
  }

  /** What is live now; later changes do not show in it. */
  records(): readonly (readonly [string, JournalRecord<T>])[] {
    return [...this.byKey.entries()]
  }

  get count(): number {
    return this.byKey.size
  }

  /**
   * Records the intent; it is on its way to the disk then. Throws `cni.io` (5) if it cannot be written: then nothing
   * of it is there. If it cannot be synced the promise is rejected with the same, and the record stays until `forget`.
   */
  intend(key: string, value: T): Aside {
    const line = encodeLine({ op: 'intend', key, value })
    try {
      this.makeRoom(line.length + (this.byKey.size + 1) * ENDING_ROOM)
      this.append(line)
    } catch (error) {
      throw this.unwritable(key, error)
    }
    this.keep(key, value)
    const { isDone, done } = this.sync()
    const explained = done.catch((error: unknown) => {
      throw this.unwritable(key, error)
    })
    return { isDone, done: explained }
  }

  /** The ADD was answered. */
  done(key: string): void {
    const record = this.byKey.get(key)
    if (record === undefined || record.done) return
    this.byKey.set(key, { value: record.value, done: true })
    this.append(encodeLine({ op: 'done', key }))
  }

  /** Nothing of the attachment remains to be done. */
  forget(key: string): void {
    if (!this.drop(key)) return
    this.append(encodeLine({ op: 'forget', key }))
  }

  async close(): Promise<void> {
    await this.sync().done
    this.options.disk.close()
  }

  private unwritable(key: string, error: unknown): PodlaceError {
    const why = errorText(error)
    return cniError(
      'io',
      `record the attachment ${key}`,
      `cannot write the attachment journal ${this.options.disk.name}: ${why}; free space on its disk and try again`,
    )
  }

  private load(): { readonly notice: string | undefined; readonly isLossy: boolean } {
    const bytes = this.options.disk.read()
    if (bytes === undefined) return { notice: undefined, isLossy: true }
    const { records, end, damaged, torn } = decodeLines(bytes)
    const header = v.safeParse(Header, records[0])
    const lines = records.slice(header.success ? 1 : 0).map(record => this.readLine(record))
    // Of an earlier life nothing is needed, be it damaged or not.
    if (header.success && header.output.bootId !== this.options.bootId) {
      const notice = `the machine was started anew: ${countLive(lines)} attachments of its last life are gone with their namespaces`
      return { notice, isLossy: false }
    }
    const unreadable =
      Math.max(damaged, header.success ? 0 : 1) + lines.filter(line => line === undefined).length
    if (unreadable > 0) return { notice: this.loadDamaged(lines, unreadable), isLossy: true }
    this.size = bytes.length
    this.end = end
    this.replay(lines)
    const notice = 'the last record was cut short by a crash and is dropped; it was never answered'
    return { notice: torn ? notice : undefined, isLossy: header.success && header.output.isLossy }
  }

  /** A record that cannot be understood is as good as damaged, even if its checksum is right. */
  private readLine(record: unknown): ReadLine<T> | undefined {
    const line = v.safeParse(Line, record)
    if (!line.success) return undefined
    if (line.output.op !== 'intend') return line.output
    try {
      return { ...line.output, value: this.options.parse(line.output.value) }
    } catch {
      return undefined
    }
  }

  private loadDamaged(lines: readonly (ReadLine<T> | undefined)[], unreadable: number): string {
    if (this.options.recover !== true) {
      const readable = lines.filter(line => line !== undefined).length
      throw new PodlaceError(
        'open the attachment journal',
        `the attachment journal ${this.options.disk.name} is damaged: ${unreadable} of its records cannot be read, ${readable} can. ` +
          'Start the agent once with --recover-journal to keep the readable ones; pods of the others must be started anew',
        { code: 'agent.journal-corrupt' },
      )
    }
    this.replay(lines)
    return `the journal was damaged: kept ${this.byKey.size} attachments, a copy is at ${this.options.disk.setAside()}`
  }

  private replay(lines: readonly (ReadLine<T> | undefined)[]): void {
    for (const line of lines) if (line !== undefined) this.replayLine(line)
  }

  private replayLine(line: ReadLine<T>): void {
    const record = this.byKey.get(line.key)
    if (line.op === 'intend') this.keep(line.key, line.value)
    else if (line.op === 'forget') this.drop(line.key)
    else if (record !== undefined) this.byKey.set(line.key, { value: record.value, done: true })
  }

  private keep(key: string, value: T): void {
    const before = this.byKey.get(key)?.value
    this.byKey.set(key, { value, done: false })
    this.options.onChange?.(before, value)
  }

  /** False if it was not live. */
  private drop(key: string): boolean {
    const record = this.byKey.get(key)
    if (record === undefined) return false
    this.byKey.delete(key)
    this.options.onChange?.(record.value, undefined)
    return true
  }

  private makeRoom(bytes: number): void {
    if (this.end + bytes > this.size) this.compact(bytes)
  }

  /** Writes the live records to a new file with at least `room` bytes free and takes it in use. */
  private compact(room: number): void {
    const lines = [encodeLine({ format: FORMAT, bootId: this.options.bootId, isLossy: this.lossy })]
    for (const [key, { value, done }] of this.byKey) {
      lines.push(encodeLine({ op: 'intend', key, value }))
      if (done) lines.push(encodeLine({ op: 'done', key }))
    }
    const used = Buffer.concat(lines)
    const bytes = new Uint8Array(
      Math.max(FIRST_SIZE, 2 * (used.length + room + this.byKey.size * ENDING_ROOM)),
    )
    bytes.set(used)
    this.options.disk.replace(bytes)
    this.size = bytes.length
    this.end = used.length
  }

  private append(line: Uint8Array): void {
    this.options.disk.write(this.end, line)
    this.end += line.length
  }

  /** One sync serves everybody who wrote before it began; who comes while it runs, or others wait, shares the next one. */
  private sync(): Aside {
    if (this.nextSync !== undefined) return this.nextSync
    if (this.syncing === undefined || this.syncing.isDone()) return this.startSync()
    this.nextSync = this.syncAfter(this.syncing)
    return this.nextSync
  }

  private startSync(): Aside {
    const { isDone, done } = this.options.disk.sync()
    const syncing: Aside = {
      isDone,
      done: done.finally(() => {
        if (this.syncing === syncing) this.syncing = undefined
      }),
    }
    this.syncing = syncing
    return syncing
  }

  private syncAfter({ done: earlier }: Aside): Aside {
    let syncing: Aside | undefined
    const done = earlier
      .catch(() => undefined)
      .then(() => {
        this.nextSync = undefined
        syncing = this.startSync()
        return syncing.done
      })
    return { isDone: () => syncing?.isDone() === true, done }
  }
}

function countLive(lines: readonly (ReadLine<unknown> | undefined)[]): number {
  const keys = new Set<string>()
  for (const line of lines) {
    if (line?.op === 'intend') keys.add(line.key)
    if (line?.op === 'forget') keys.delete(line.key)
  }
  return keys.size
}
