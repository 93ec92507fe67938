import type { Aside } from '../../base/index.ts'
import type {
  ApplyContext,
  Entry,
  FakeKernel,
  Kernel,
  KernelEvent,
  Operation,
  SettingEntry,
} from '../../kernel/index.ts'
import type { JournalDisk } from '../journal/index.ts'

/** One life of an agent. After its end nothing that the dead agent still does reaches kernel or disk. */
export class Life {
  over = false
  private readonly dieAt: string | undefined

  constructor(dieAt?: string) {
    this.dieAt = dieAt
  }

  readonly checkpoint = (step: string): void => {
    if (step !== this.dieAt) return
    this.over = true
    throw new Error(`killed at "${step}"`)
  }

  kernel(inner: FakeKernel): Kernel {
    return {
      observe: (desired?: Iterable<Entry>, context?: ApplyContext) => inner.observe(desired, context),
      apply: (operations: readonly Operation[], context?: ApplyContext) => {
        if (this.over) throw new Error('dead')
        return inner.apply(operations, context)
      },
      readSetting: (entry: SettingEntry) => inner.readSetting(entry),
      forgetFlows: () => inner.forgetFlows(),
      iptablesFault: () => inner.iptablesFault(),
      watch: (listener: (event: KernelEvent) => void) => inner.watch(event => !this.over && listener(event)),
      close: () => {},
    }
  }

  disk(inner: JournalDisk): JournalDisk {
    const alive = <A extends unknown[]>(write: (...args: A) => void) => {
      return (...args: A) => {
        if (!this.over) write(...args)
      }
    }
    return {
      name: inner.name,
      read: () => inner.read(),
      replace: alive(bytes => inner.replace(bytes)),
      write: alive((offset, bytes) => inner.write(offset, bytes)),
      sync: () => inner.sync(),
      setAside: () => inner.setAside(),
      close: () => {},
    }
  }
}

/** A journal's disk in memory, which outlives agents. */
export class MemoryDisk implements JournalDisk {
  readonly name = 'in memory'
  /** No new file can be written; the present one, which is allocated, can. */
  full = false
  /** What was written does not get to the platter. */
  broken = false
  private bytes: Uint8Array | undefined

  read(): Uint8Array | undefined {
    return this.bytes?.slice()
  }

  replace(bytes: Uint8Array): void {
    if (this.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    this.bytes = bytes.slice()
  }

  lose(): void {
    this.bytes = undefined
  }

  write(offset: number, bytes: Uint8Array): void {
    this.bytes?.set(bytes, offset)
  }

  sync(): Aside {
    const error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    return { isDone: () => false, done: this.broken ? Promise.reject(error) : Promise.resolve() }
  }

  setAside(): string {
    return 'nowhere'
  }

  close(): void {}
}
