import { type Entry, entryKey, type FakeKernel, type ForeignAct, performForeign } from '../../kernel/index.ts'

/** Kinds of acts a command may name. */
const ACTS = [
  'flush-routes',
  'remove',
  'down',
  'set-mac',
  'rename',
  'recreate',
  'edit-table',
  'usurp-route',
  'add-neutral',
  'write-sysctl',
  'flush-addresses',
  'flush-neighbours',
  'uplink-down',
  'uplink-address',
] as const

export const FOREIGN_ACTS = ACTS.length

/** How names begin that this program gives to our links. */
const RENAMED = 'other'

/** A program of somebody else on one machine, with the same rights as the agent and other ideas. */
export class ForeignProgram {
  /** Neutral objects of its own that must never change, by key. */
  readonly made = new Map<string, Entry>()
  private readonly repairs: ForeignAct[] = []
  private kernel: FakeKernel

  constructor(kernel: FakeKernel) {
    this.kernel = kernel
  }

  /** The machine was started anew. */
  reset(kernel: FakeKernel): void {
    this.kernel = kernel
    this.made.clear()
    this.repairs.length = 0
  }

  /** One act, by number; `pick` chooses among the things it can be done to. Returns what was done, in words. */
  act(number: number, pick: number): string {
    const name = ACTS[number % ACTS.length] ?? 'remove'
    const act = this.choose(name, pick)
    if (act === undefined) return `${name}: nothing to do it to`
    const errno = performForeign(this.kernel, act)
    if (name === 'add-neutral' && errno === undefined && act.act === 'add') this.remember(act.entry)
    return `${name} ${'entry' in act ? entryKey(act.entry) : 'name' in act ? act.name : ''}: ${errno ?? 'done'}`
  }

  /** It is removed from the machine, and leaves nothing that is in anybody's way. */
  heal(): void {
    for (const act of this.repairs.splice(0).toReversed()) performForeign(this.kernel, act)
  }

  private choose(name: (typeof ACTS)[number], pick: number): ForeignAct | undefined {
    const ours = this.ours().filter(entry => entry.kind !== 'link' || entry.type !== 'veth')
    const links = ours.filter(entry => entry.kind === 'link')
    const entry = ours[pick % Math.max(1, ours.length)]
    const picked = links[pick % Math.max(1, links.length)]
    const link = picked?.name
    switch (name) {
      case 'flush-routes':
        return { act: 'flush-routes' }
      case 'remove':
        return entry && { act: 'remove', entry }
      case 'down': {
        const all = this.ours().filter(candidate => candidate.kind === 'link')
        const any = all[pick % Math.max(1, all.length)]?.name
        return any === undefined ? undefined : { act: 'set-link', name: any, changes: { up: false } }
      }
      case 'set-mac':
        return link === undefined
          ? undefined
          : { act: 'set-link', name: link, changes: { mac: `02:99:00:00:00:0${pick % 10}` } }
      case 'rename':
        return link === undefined ? undefined : { act: 'rename', name: link, to: `${RENAMED}${pick % 10}` }
      case 'recreate': {
        // Under a name it got before it is nobody's to adopt, and its VNI is taken.
        if (picked?.name.startsWith(RENAMED)) this.repairs.push({ act: 'remove', entry: picked })
        return picked && { act: 'recreate', name: picked.name }
      }
      case 'edit-table': {
        const table = ours.find(candidate => candidate.kind === 'nft-table')
        return table && { act: 'edit-table', family: table.family, table: table.name }
      }
      case 'usurp-route': {
        const routes = ours.filter(candidate => candidate.kind === 'route')
        const route = routes[pick % Math.max(1, routes.length)]
        if (route === undefined) return undefined
        const { dst, table, metric } = route
        const theirs: Entry = { kind: 'route', dst, table, metric, link: 'eth0' }
        this.repairs.push({ act: 'remove', entry: theirs })
        return { act: 'add', entry: theirs, over: true }
      }
      case 'add-neutral':
        return { act: 'add', entry: neutral(pick) }
      case 'write-sysctl':
        return { act: 'write-sysctl', path: 'ipv4/conf/all/forwarding', value: '0' }
      case 'flush-addresses':
        return link === undefined ? undefined : { act: 'flush-addresses', link }
      case 'flush-neighbours':
        return link === undefined ? undefined : { act: 'flush-neighbours', link }
      case 'uplink-down':
        this.repairs.push({ act: 'set-link', name: 'eth0', changes: { up: true } })
        return { act: 'set-link', name: 'eth0', changes: { up: pick % 2 === 0 } }
      case 'uplink-address': {
        const address = this.entries().find(found => found.kind === 'address' && found.link === 'eth0')
        if (address === undefined) return this.repairs.findLast(({ act }) => act === 'add')
        this.repairs.push({ act: 'add', entry: address })
        return { act: 'remove', entry: address }
      }
    }
  }

  private remember(entry: Entry): void {
    const found = this.kernel.namespace.objects.get(entryKey(entry))
    if (found !== undefined) this.made.set(entryKey(entry), found.entry)
  }

  private ours(): Entry[] {
    return [...this.kernel.namespace.entries()]
      .filter(({ mark }) => mark === 'ours')
      .map(({ entry }) => entry)
  }

  private entries(): Entry[] {
    return Array.from(this.kernel.namespace.entries(), ({ entry }) => entry)
  }
}

/** Objects that are in nobody's way, and look like ours. */
function neutral(pick: number): Entry {
  const low = pick % 16
  switch (pick % 3) {
    case 0:
      return { kind: 'rule', family: 4, priority: 2000 + low, table: 100 }
    case 1:
      return { kind: 'nft-table', family: 'ip', name: `theirs${low}`, sets: [], chains: [] }
    default:
      return { kind: 'rule', family: 6, priority: 2000 + low, table: 101 }
  }
}
