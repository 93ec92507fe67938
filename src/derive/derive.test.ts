import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Change,
  type Collection,
  derive,
  Graph,
  index,
  type Keyed,
  type Reader,
  union,
} from './index.ts'

interface Node {
  readonly zone: string
  readonly cidr: string
}

const node = (zone: string, cidr: string): Node => ({ zone, cidr })

/** Everything a collection tells from now on, one element a tick. */
function heard<T>(collection: Collection<T>): (readonly Change<T>[])[] {
  const ticks: (readonly Change<T>[])[] = []
  collection.subscribe(changes => ticks.push(changes))
  return ticks
}

const contents = <T>(collection: Collection<T>) => Object.fromEntries(collection.entries())

describe('derive', () => {
  test('outputs follow inputs: new, changed, gone', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    nodes.set('a', node('z', '10.1.0.0/24'))
    const routes = derive('routes', nodes, (item, _read, key) => [{ key: item.cidr, value: { via: key } }])
    assert.deepEqual(contents(routes), { '10.1.0.0/24': { via: 'a' } })
    const ticks = heard(routes)
    nodes.set('b', node('z', '10.2.0.0/24'))
    nodes.set('a', node('z', '10.3.0.0/24'))
    nodes.delete('b')
    nodes.delete('b')
    assert.deepEqual(ticks, [
      [{ key: '10.2.0.0/24', after: { via: 'b' } }],
      [
        { key: '10.1.0.0/24', before: { via: 'a' } },
        { key: '10.3.0.0/24', after: { via: 'a' } },
      ],
      [{ key: '10.2.0.0/24', before: { via: 'b' } }],
    ])
    assert.deepEqual([routes.size, routes.get('10.3.0.0/24')], [1, { via: 'a' }])
  })

  test('equal by value is no change, and travels no further', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    const cidrs = derive('cidrs', nodes, (item, _read, key) => [{ key, value: { cidr: item.cidr } }])
    const routes = derive('routes', cidrs, (item, _read, key) => [{ key, value: item.cidr }])
    nodes.set('a', node('z', '10.1.0.0/24'))
    const ticks = heard(cidrs)
    const before = { ...graph.counters }
    nodes.set('a', node('z', '10.1.0.0/24'))
    assert.equal(graph.counters.plans, before.plans, 'the source is unchanged')
    nodes.set('a', node('other zone', '10.1.0.0/24'))
    assert.equal(graph.counters.plans, before.plans + 1, 'the first plan runs, the second does not')
    assert.deepEqual([ticks, routes.get('a')], [[], '10.1.0.0/24'])
  })

  test('values are frozen all the way down', () => {
    const graph = new Graph()
    const nodes = graph.source<{ list: { n: number }[] }>('nodes')
    const copies = derive('copies', nodes, item => [{ key: 'k', value: { inner: { list: [...item.list] } } }])
    nodes.set('a', { list: [{ n: 1 }] })
    const out = copies.get('k')
    assert.ok(Object.isFrozen(out) && Object.isFrozen(out?.inner) && Object.isFrozen(out?.inner.list[0]))
    assert.throws(() => nodes.get('a')?.list.push({ n: 2 }), TypeError)
  })

  test('a plan runs again when what it read changes: present, absent, by index, as a whole', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    const zones = graph.source<string>('zones')
    const byZone = index(nodes, 'by-zone', item => item.zone)
    const jobs = graph.source<string>('jobs')
    const runs: string[] = []
    const results = derive('results', jobs, (job, read, key) => {
      runs.push(key)
      if (job === 'key') return [{ key, value: read.get(zones, 'z') ?? 'none' }]
      if (job === 'all') return [{ key, value: [...read.all(zones)].map(([zone]) => zone).join() }]
      return [
        {
          key,
          value: read
            .where(byZone, job)
            .map(item => item.cidr)
            .join(),
        },
      ]
    })
    jobs.replace([
      ['1', 'key'],
      ['2', 'zone-x'],
      ['3', 'zone-y'],
      ['4', 'all'],
    ])
    const after = (write: () => void) => {
      runs.length = 0
      write()
      return runs.join()
    }
    assert.equal(
      after(() => zones.set('other', 'o')),
      '4',
    )
    assert.equal(
      after(() => zones.set('z', 'Z')),
      '1,4',
    )
    assert.equal(
      after(() => nodes.set('b', node('zone-x', 'B'))),
      '2',
    )
    assert.equal(
      after(() => nodes.set('a', node('zone-x', 'A'))),
      '2',
    )
    assert.equal(
      after(() => nodes.set('b', node('zone-y', 'B'))),
      '2,3',
    )
    assert.equal(
      after(() => nodes.set('c', node('zone-w', 'C'))),
      '',
    )
    assert.deepEqual(contents(results), { '1': 'Z', '2': 'A', '3': 'B', '4': 'other,z' })
    assert.equal(graph.counters.wholeReads, 3)
    // What is not read any more no longer counts.
    jobs.set('1', 'zone-q')
    assert.equal(
      after(() => zones.set('z', 'ZZ')),
      '4',
    )
    jobs.delete('2')
    assert.equal(
      after(() => nodes.delete('a')),
      '',
    )
  })

  test('no glitch: a diamond is seen whole, and each plan runs once', () => {
    const graph = new Graph()
    const numbers = graph.source<number>('numbers')
    numbers.set('n', 1)
    const doubles = derive('doubles', numbers, (n, _read, key) => [{ key, value: 2 * n }])
    const triples = derive('triples', doubles, (n, _read, key) => [{ key, value: (3 * n) / 2 }])
    const sums: number[] = []
    derive('sums', numbers, (n, read, key) => {
      sums.push(n)
      assert.deepEqual([read.get(doubles, key), read.get(triples, key)], [2 * n, 3 * n])
      return []
    })
    doubles.subscribe(() => assert.equal(triples.get('n'), 3 * (numbers.get('n') ?? 0)))
    for (const n of [2, 3, 4]) numbers.set('n', n)
    assert.deepEqual(sums, [1, 2, 3, 4])
  })

  test('a plan may be a generator, and may yield one thing twice', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    const zones = graph.source<string>('zones')
    const outs = derive('outs', nodes, function* (item: Node, read: Reader): Iterable<Keyed<string>> {
      yield { key: 'same', value: 'x' }
      yield { key: item.cidr, value: read.get(zones, item.zone) ?? '?' }
      yield { key: 'same', value: 'x' }
    })
    nodes.set('a', node('z', 'A'))
    zones.set('z', 'Z')
    assert.deepEqual(contents(outs), { A: 'Z', same: 'x' })
  })

  test('5,000 nodes, one change: one plan', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    nodes.replace(Array.from({ length: 5000 }, (_, n) => [`node-${n}`, node('z', `cidr-${n}`)] as const))
    const config = graph.source<string>('config')
    config.set('only', 'vxlan')
    const entries = derive<Node, object>('entries', nodes, (item, read, key) => [
      { key: `route ${item.cidr}`, value: { via: key, mode: read.get(config, 'only') } },
      { key: `neighbour ${item.cidr}`, value: { mac: key } },
      { key: `fdb ${item.cidr}`, value: { dst: key } },
    ])
    assert.deepEqual([entries.size, graph.counters.plans], [15_000, 5000])
    const ticks = heard(entries)
    nodes.set('node-77', node('z', 'moved'))
    assert.equal(graph.counters.plans, 5001)
    assert.equal(ticks[0]?.length, 6)
    config.set('only', 'host-gw')
    assert.equal(graph.counters.plans, 10_001)
    assert.equal(ticks[1]?.length, 5000)
  })
})

describe('origin', () => {
  test('the item itself first, then what was read, through every step, each once', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    const zones = graph.source<string>('zones')
    const pods = graph.source<string>('pods')
    const byZone = index(nodes, 'by-zone', item => item.zone)
    nodes.replace([
      ['n1', node('z1', 'A')],
      ['n2', node('z1', 'B')],
      ['n3', node('z2', 'C')],
    ])
    zones.set('z1', 'one')
    pods.set('p', 'n1')
    const places = derive('places', pods, (on, read, key) => {
      const zone = read.get(nodes, on)?.zone ?? ''
      return [{ key, value: { zone, title: read.get(zones, zone), missing: read.get(zones, 'nowhere') } }]
    })
    const wide = derive('wide', places, (place, read, key) => [
      { key: `wide ${key}`, value: read.where(byZone, place.zone).length },
    ])
    const all = union('all', [wide])
    assert.deepEqual(
      all.origin('wide p').map(({ collection, key }) => `${collection} ${key}`),
      ['pods p', 'nodes n1', 'zones z1', 'nodes n2'],
    )
    assert.deepEqual(nodes.origin('n1'), [{ collection: 'nodes', key: 'n1' }])
    assert.deepEqual(all.origin('no such key'), [])
  })

  test('an output of several inputs has them all', () => {
    const graph = new Graph()
    const nodes = graph.source<Node>('nodes')
    const zones = derive('zones', nodes, item => [{ key: item.zone, value: true }])
    nodes.replace([
      ['a', node('z', 'A')],
      ['b', node('z', 'B')],
      ['c', node('y', 'C')],
    ])
    assert.deepEqual(
      zones.origin('z').map(origin => origin.key),
      ['a', 'b'],
    )
  })
})
