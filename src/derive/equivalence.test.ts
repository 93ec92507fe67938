import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type Change,
  type Collection,
  derive,
  Graph,
  type Index,
  index,
  type Plan,
  type Reader,
  type Source,
  union,
} from './index.ts'

/** What the nodes and zones of this small world are made of; two sources of one type keep the test short. */
interface Thing {
  readonly link: string
  readonly weight: number
}

interface Out {
  readonly text: string
  readonly link: string
}

interface World {
  readonly graph: Graph
  readonly nodes: Source<Thing>
  readonly zones: Source<Thing>
  readonly collections: readonly Collection<Thing | Out>[]
  readonly ledger: Ledger
}

const KEYS = ['a', 'b', 'c', 'd', 'e']

/** Plans of several shapes: conditional reads, absent keys, indexes over sources and outputs, chains, whole reads. */
function world(): World {
  const graph = new Graph()
  const ledger = new Ledger()
  const nodes = graph.source<Thing>('nodes')
  const zones = graph.source<Thing>('zones')
  const byLink = index(nodes, 'by-link', thing => (thing.weight === 0 ? undefined : thing.link))

  const placed = ledger.derive('placed', nodes, function* (thing: Thing, read: Reader, key: string) {
    const zone = read.get(zones, thing.link)
    yield { key: `placed ${key}`, value: { text: `${zone?.weight ?? 'no zone'}`, link: thing.link } }
    if (zone !== undefined && zone.weight > 1) {
      const next = read.get(nodes, zone.link)
      yield { key: `next ${key}`, value: { text: `${next?.weight}`, link: zone.link } }
    }
  })
  const placedByLink = index(placed, 'placed-by-link', out => out.link)
  const counted = ledger.derive('counted', zones, (zone: Thing, read: Reader, key: string) => {
    const members = read.where(byLink, key).map(thing => thing.weight)
    const outs = zone.weight % 2 === 0 ? read.where(placedByLink, key).map(out => out.text) : []
    return [{ key: `zone ${key}`, value: { text: `${members} ${outs}`, link: zone.link } }]
  })
  const whole = ledger.derive('whole', placed, (out: Out, read: Reader, key: string) => {
    if (out.text !== '3') return [{ key: `plain ${key}`, value: { ...out, text: 'constant' } }]
    const all = Array.from(read.all(counted), ([zone, { text }]) => `${zone}=${text}`)
    return [{ key: `whole ${key}`, value: { text: all.join(), link: out.link } }]
  })
  const everything = union<Out>('everything', [placed, counted, whole])
  const collections = [nodes, zones, placed, counted, whole, everything]
  for (const collection of collections) ledger.hear(collection)
  return { graph, nodes, zones, collections, ledger }
}

type Changes = ReadonlyMap<string, readonly Change<unknown>[]>

/** One read of a plan, seen from outside. */
interface Read {
  /** Called when the tick of the run has ended. */
  remember?(): void
  changed(changes: Changes): boolean
}

/** Knows, from the outside alone, which plans have to run in a tick, and which did. */
class Ledger {
  private ran: string[] = []
  /** What each plan read at its last run; those of the present tick are in `fresh`. */
  private readonly reads = new Map<string, readonly Read[]>()
  private readonly fresh = new Map<string, readonly Read[]>()
  private readonly inputs = new Map<string, string>()
  private readonly changes = new Map<string, readonly Change<unknown>[]>()
  private readonly mirrors = new Map<string, Map<string, unknown>>()

  derive<In>(name: string, source: Collection<In>, plan: Plan<In, Out>): Collection<Out> {
    this.inputs.set(name, source.name)
    return derive(name, source, (item, read, key) => {
      const reads: Read[] = []
      this.ran.push(`${name}: ${key}`)
      this.fresh.set(`${name}: ${key}`, reads)
      return plan(item, this.noting(read, reads), key)
    })
  }

  /** Mirrors a collection by its changes, which must fit. */
  hear(collection: Collection<unknown>): void {
    const mirror = new Map(collection.entries())
    this.mirrors.set(collection.name, mirror)
    collection.subscribe(changes => {
      this.changes.set(collection.name, changes)
      for (const { key, before, after } of changes) {
        assert.deepEqual(mirror.get(key), before)
        assert.notDeepEqual(before, after)
        if (after === undefined) mirror.delete(key)
        else mirror.set(key, after)
      }
    })
  }

  /** Ends a tick: exactly the plans whose input or reads changed have run, once each. */
  check(): void {
    const due = new Set<string>()
    for (const [name, source] of this.inputs) {
      for (const { key, after } of this.changes.get(source) ?? []) {
        if (after === undefined) this.reads.delete(`${name}: ${key}`)
        else due.add(`${name}: ${key}`)
      }
    }
    for (const [id, reads] of this.reads) if (reads.some(read => read.changed(this.changes))) due.add(id)
    assert.deepEqual(this.ran.sort(), [...due].sort())
    for (const [id, reads] of this.fresh) {
      for (const read of reads) read.remember?.()
      this.reads.set(id, reads)
    }
    this.fresh.clear()
    this.ran = []
    this.changes.clear()
  }

  private noting(read: Reader, reads: Read[]): Reader {
    return {
      get: (collection, key) => {
        const touched = (changes: Changes) => changes.get(collection.name)?.some(change => change.key === key)
        reads.push({ changed: changes => touched(changes) ?? false })
        return read.get(collection, key)
      },
      where: (by, value) => {
        let seen = ''
        const look = () => JSON.stringify(this.whereNow(by, value))
        reads.push({ remember: () => (seen = look()), changed: () => look() !== seen })
        return read.where(by, value)
      },
      all: collection => {
        reads.push({ changed: changes => changes.has(collection.name) })
        return read.all(collection)
      },
    }
  }

  /** Both indexes, computed from a mirror; the order of a mirror is that of events, so it is sorted. */
  private whereNow(by: Index<unknown>, value: string): unknown[] {
    const matches = (item: unknown) => {
      if (typeof item !== 'object' || item === null || !('link' in item)) return false
      return item.link === value && !('weight' in item && item.weight === 0)
    }
    const mirror = [...(this.mirrors.get(by.collection.name) ?? [])]
    return mirror.filter(([, item]) => matches(item)).sort(([a], [b]) => (a < b ? -1 : 1))
  }
}

const write = fc.record({
  at: fc.constantFrom('nodes' as const, 'zones' as const),
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.record({ link: fc.constantFrom(...KEYS), weight: fc.nat(3) }), { nil: undefined }),
})
const batches = fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { maxLength: 25 })

const contents = (collection: Collection<unknown>) => new Map(collection.entries())

test('after any writes the collections are as if derived afresh, and only plans that had to run have run', () => {
  fc.assert(
    fc.property(batches, steps => {
      const live = world()
      for (const step of steps) {
        live.graph.batch(() => {
          for (const { at, key, value } of step) {
            if (value === undefined) live[at].delete(key)
            else live[at].set(key, value)
          }
        })
        live.ledger.check()
      }
      const fresh = world()
      fresh.graph.batch(() => {
        fresh.nodes.replace(live.nodes.entries())
        fresh.zones.replace(live.zones.entries())
      })
      for (const [position, collection] of live.collections.entries()) {
        const expected = fresh.collections[position]
        assert.ok(expected !== undefined)
        assert.deepEqual(contents(collection), contents(expected))
        for (const [key] of collection.entries()) {
          assert.deepEqual(new Set(collection.origin(key)), new Set(expected.origin(key)))
        }
      }
    }),
    { numRuns: 300 },
  )
})
