import { sleep, systemClock } from '../../src/base/index.ts'
import {
  type Entry,
  entryKey,
  type Kernel,
  type ObservedEntry,
  type Outcome,
} from '../../src/kernel/index.ts'
import { tableFingerprint } from '../../src/kernel/kinds/nft-table.ts'
import { Mirror } from '../../src/kernel/mirror.ts'
import { MACS, TABLES } from './fake-kernel-entries.ts'

/** MAC addresses that are compared. A bridge that lost its last port has zeros. */
const CHOSEN: ReadonlySet<string> = new Set([...MACS, '00:00:00:00:00:00'])
const FINGERPRINTS: ReadonlySet<string> = new Set(TABLES.map(tableFingerprint))
/** Between several objects of one key. */
const BESIDE = ' beside '
/** How often it is looked whether an event has come. */
const ATTEMPTS = 50

/** By key: what is there, as text. */
export type Lines = ReadonlyMap<string, string>

/** What a command came to and what there is now: it must be equal on both sides. */
export interface Story {
  readonly outcomes: readonly string[]
  readonly host: Lines
  readonly pod: Lines
  /** What the events since the beginning told of the host. */
  readonly told: Lines
}

/** Keeps a mirror by the events alone, which must come to the same as a dump. */
export class Teller {
  private mirror: Mirror
  private hole = false
  /**
   * Keys of several objects of one mark, of which a mirror knows one: it is not asked about them any more. Those of
   * the subnets that addresses on two links share may be so for a moment only.
   */
  private readonly crowded = new Set([
    'route 10.1.0.0/24 table 254 metric 0',
    'route fd00::/64 table 254 metric 256',
  ])

  private constructor(mirror: Mirror) {
    this.mirror = mirror
  }

  static async of(kernel: Kernel): Promise<Teller> {
    const teller = new Teller(new Mirror())
    kernel.watch(event => {
      if (event.event === 'resync') teller.hole = true
      teller.mirror.fold(event)
    })
    teller.mirror = await Mirror.of(await kernel.observe())
    return teller
  }

  /** What is known once it is what is `expected`, or after a while: some events come from kernel threads. */
  async told(kernel: Kernel, expected: Lines): Promise<Lines> {
    for (let attempt = 0; ; attempt += 1) {
      // An empty plan folds the events of what was done.
      await kernel.apply([])
      if (this.hole) this.mirror = await Mirror.of(await kernel.observe())
      this.hole = false
      const told = linesOf([...this.mirror.entries()])
      for (const [key, line] of expected) if (line.includes(BESIDE)) this.crowded.add(key)
      for (const key of this.crowded) copy(expected, told, key)
      if (attempt === ATTEMPTS || compare('', told, withoutSysctls(expected), ['', '']).length === 0) {
        return withoutSysctls(told)
      }
      await sleep(systemClock, 2)
    }
  }
}

/** What differs, in lines that begin with the side that has them. */
export function differences(fake: Story, real: Story): string[] {
  const sides = ['fake', 'real'] as const
  const outcomes = (story: Story) => new Map(story.outcomes.map((line, i) => [`${i}`, line]))
  return [
    ...compare('outcome', outcomes(fake), outcomes(real), sides),
    ...compare('host', fake.host, real.host, sides),
    ...compare('pod', fake.pod, real.pod, sides),
    ...compare('told', fake.told, withoutSysctls(fake.host), ['fake events', 'fake dump']),
    ...compare('told', real.told, withoutSysctls(real.host), ['real events', 'real dump']),
  ]
}

export function outcomeLine({ operation: { op, entry }, error }: Outcome): string {
  const end = error === undefined ? 'done' : `${error.code} ${error.payload.errno ?? ''}`
  return `${op} ${entryKey(entry)}: ${end}`
}

export function linesOf(observed: readonly ObservedEntry[]): Map<string, string> {
  const texts = new Map<string, string[]>()
  for (const { fingerprint, ...item } of observed) {
    const key = entryKey(item.entry)
    const shape = fingerprint === undefined || FINGERPRINTS.has(fingerprint) ? fingerprint : 'edited'
    const text = JSON.stringify(sorted({ ...item, fingerprint: shape, entry: normal(item.entry) }))
    texts.set(key, [...(texts.get(key) ?? []), text])
  }
  return new Map([...texts].map(([key, all]) => [key, all.toSorted().join(BESIDE)]))
}

/** Nobody tells of sysctls but who sets them. */
function withoutSysctls(lines: Lines): Lines {
  return new Map([...lines].filter(([key]) => !key.startsWith('sysctl')))
}

function compare(what: string, a: Lines, b: Lines, names: readonly [string, string]): string[] {
  const keys = [...new Set([...a.keys(), ...b.keys()])].filter(key => a.get(key) !== b.get(key))
  return keys.flatMap(key => [
    `${what} ${key}: ${names[0]} ${a.get(key)}`,
    `${what} ${key}: ${names[1]} ${b.get(key)}`,
  ])
}

function copy(from: Lines, to: Map<string, string>, key: string): void {
  const line = from.get(key)
  if (line === undefined) to.delete(key)
  else to.set(key, line)
}

/** Without what the kernel chooses: MAC addresses that nobody asked for. What rules say is in the fingerprint. */
function normal(entry: Entry): Entry {
  if (entry.kind === 'nft-table') {
    return { ...entry, chains: entry.chains.map(chain => ({ ...chain, rules: [] })) }
  }
  if (entry.kind !== 'link' || entry.mac === undefined || CHOSEN.has(entry.mac)) return entry
  return { ...entry, mac: 'of the kernel' }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const parts = Object.entries(value).filter(([, part]) => part !== undefined)
  return Object.fromEntries(
    parts.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, part]) => [key, sorted(part)]),
  )
}
