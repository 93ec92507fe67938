import type { Clock } from '../../base/index.ts'
import type { Entry, IptablesChainEntry, NftTableEntry } from '../entry.ts'
import type { Kernel, NamespaceHandle } from '../operation.ts'

/** Another program on the same machine: everything it makes is unmarked. */
export interface Foreign {
  /** A device that is there before us, up. */
  addDevice(name: string): void
  /** Over what is there, if `replace`. */
  add(entry: Entry, replace?: boolean): void
  remove(entry: Entry): void
  setLink(name: string, changes: { up?: boolean; mtu?: number; mac?: string }): void
  /** `ethtool -K LINK tx on|off`. */
  setTxChecksum(link: string, on: boolean): void
  rename(from: string, to: string): void
  /** `ip route flush proto 113`, both families. */
  flushOurRoutes(): void
  /** `iptables -t TABLE -F`. */
  flushIptables(chain: Pick<IptablesChainEntry, 'family' | 'table'>): void
  /** Adds a rule to a chain of somebody's table. */
  editTable(table: NftTableEntry): void
}

/** One kernel under test, with another program, a pod's namespace and time. */
export interface Harness {
  readonly kernel: Kernel
  /** The namespace of `kernel`, as others need it. */
  readonly handle: NamespaceHandle
  readonly foreign: Foreign
  readonly pod: { readonly handle: NamespaceHandle; readonly kernel: Kernel }
  readonly clock: Clock
  /** The same namespace as a program sees it that starts now. */
  restart(): Kernel
  /** Changes that anybody made to the namespace since the last call. */
  modifications(): number
  /** Until the kernel has said all that follows from what was done: operational states, addresses no longer tentative. */
  rest(): Promise<void>
  /** What happens meanwhile is too much for the event queue. */
  overflow(meanwhile: () => void): void
  /** Lets events and timers come until `holds`; fails after a while. */
  eventually(holds: () => boolean | Promise<boolean>): Promise<void>
  close(): void
}
