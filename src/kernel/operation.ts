import type { PodlaceError } from '../base/index.ts'
import type { FlowFilter } from '../netlink/index.ts'
import type { NetlinkTransport } from '../sys/index.ts'
import type { DeviceLink, Entry, EntryKind, SettingEntry } from './entry.ts'
import type { KernelError } from './errors.ts'

/** What the kernel has under one key. `ours`: it bears our mark (see `ownership.ts`). */
export interface ObservedEntry {
  readonly entry: Entry
  readonly mark: 'ours' | 'foreign'
  /** Of an nft table: what its chains, rules and sets amount to, comparable to `tableFingerprint(desired)`. */
  readonly fingerprint?: string
  /** A foreign object under the same key (`ip route append`), where the kernel allows several: it is not `entry`. */
  readonly beside?: Entry
}

/**
 * One step of a plan.
 *
 * - `create` fails if something is there already: nothing is ever overwritten unseen.
 * - `change` makes `before` into `entry`, in place.
 * - `delete` removes our object; that it is gone already is success. A device that was moved here is given back: it
 *   gets its old name and alias, in the namespace that `movedFrom` names, or here where that is empty.
 * - `adopt` marks a foreign link as ours.
 */
export interface Operation {
  readonly op: 'create' | 'change' | 'delete' | 'adopt'
  readonly entry: Entry
  /** What was observed: always there for `change`, `delete` and `adopt` in a plan made by `diff`. */
  readonly before?: Entry
  /**
   * `displaced`: nobody wants it any more, and something that is wanted needs its place. `evicted`: it is somebody
   * else's, and a user's configuration says that it must go.
   */
  readonly why: 'missing' | 'differs' | 'stale' | 'displaced' | 'evicted' | 'adopt'
}

/** Removes what is not ours: a user's configuration says so. */
export function eviction(entry: Entry): Operation {
  return { op: 'delete', entry, before: entry, why: 'evicted' }
}

/** `error` absent: the kernel took it. */
export interface Outcome {
  readonly operation: Operation
  readonly error?: PodlaceError<KernelError>
}

/** What a kernel needs of another namespace. A `Netns` is one; so is a `FakeKernel`. */
export interface NamespaceHandle {
  readonly fds: { readonly netns: number }
  /** A route netlink socket in it: needed of one whose devices links are put on, or moved from. */
  readonly route?: NetlinkTransport
  /** Told of a link that was made in it, if the kernel says which index it got there: as whoever made it wanted it. */
  readonly onLink?: (link: DeviceLink, index: number) => void
}

export interface ApplyContext {
  /** By the names that links have for them: `VethLink.peer.netns`, `MacvlanLink.deviceNetns`... */
  readonly namespaces: ReadonlyMap<string, NamespaceHandle>
  /** Told what came of the plan when the kernel has answered, for who need not wait until listeners know of it too. */
  readonly onOutcomes?: (outcomes: readonly Outcome[]) => void
}

/** Something a plan cannot honour, in words for people. */
export interface Finding {
  /** Key of the entry it is about. */
  readonly key: string
  readonly severity: 'info' | 'warning' | 'error'
  readonly code:
    | 'foreign-object'
    | 'foreign-equal'
    | 'link-missing'
    | 'refused'
    | 'unsupported'
    | 'namespace-needed'
    | 'contested'
  /** What is desired, what was found, what to do. */
  readonly message: string
}

/**
 * One step of the story that keeps a mirror equal to the kernel.
 *
 * - `set`, `gone`: one entry. `gone` with a mark removes only an entry of that mark.
 * - `parent-gone`: what hangs on the link (or nft table) of this key went with it, announced or not.
 * - `replace`: these are all entries of the kind (on the link, in the table, of the mark, if given) now.
 * - `resync`: the story has a hole; observe again.
 */
export type KernelEvent =
  | { readonly event: 'set'; readonly observed: ObservedEntry; readonly beside?: boolean }
  | { readonly event: 'gone'; readonly key: string; readonly mark?: 'ours' | 'foreign' }
  | { readonly event: 'parent-gone'; readonly parent: string }
  | { readonly event: 'replace'; readonly scope: ReplaceScope; readonly entries: readonly ObservedEntry[] }
  | { readonly event: 'resync'; readonly why: string }

export interface ReplaceScope {
  readonly kind: EntryKind
  /** Key of a link or nft table. */
  readonly parent?: string
  readonly family?: 4 | 6
  readonly mark?: 'ours' | 'foreign'
}

export interface SettingReader {
  /** The setting as it is now; undefined if there is none, as while its link is still to be made. */
  readSetting(entry: SettingEntry): ObservedEntry | undefined
}

/** One network namespace. `NetlinkKernel` is the real one, `FakeKernel` a model; one suite holds both. */
export interface Kernel extends SettingReader {
  /**
   * Everything there is, as entries. What cannot be listed (settings) is read for the entries in `desired`.
   * Kernel objects that no entry can express are left out. Where the devices of links lie that are not in this
   * namespace can be told only of the namespaces in the context.
   */
  observe(desired?: Iterable<Entry>, context?: ApplyContext): Promise<readonly ObservedEntry[]>
  /**
   * Carries out a plan in its order; one refusal does not stop the rest. When it resolves, listeners have been
   * told of every change it made. One outcome per operation, in order.
   */
  apply(operations: readonly Operation[], context?: ApplyContext): Promise<readonly Outcome[]>
  /**
   * Lets connection tracking forget flows, by where they went before they were translated: what goes there next is
   * looked at anew. No entry, as nobody wants flows to be or not to be; a step for whoever has changed translations.
   * Returns how many there were.
   */
  forgetFlows(filters: readonly FlowFilter[]): Promise<number>
  /** Why no rules of iptables can be had here, in words; undefined if they can. */
  iptablesFault(family: 4 | 6): Promise<string | undefined>
  /** Tells of every change, whoever made it. Returns the function that ends it. */
  watch(listener: (event: KernelEvent) => void): () => void
  close(): void
}
