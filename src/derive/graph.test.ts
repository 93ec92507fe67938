import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { type Collection, type DeriveError, derive, Graph, index, type Reader, union } from './index.ts'

const copy = <T>(name: string, of: Collection<T>) => derive(name, of, (value, _read, key) => [{ key, value }])

describe('ticks', () => {
  test('a batch is one tick, at its end, also nested', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    const copies = copy('copies', source)
    const ticks: string[] = []
    copies.subscribe(changes => ticks.push(changes.map(change => change.key).join()))
    graph.batch(() => {
      source.set('a', 1)
      graph.batch(() => source.set('b', 2))
      source.set('c', 3)
      source.delete('c')
      assert.deepEqual([source.size, copies.size], [0, 0], 'until then everything is as before')
    })
    assert.deepEqual(ticks, ['a,b'])
    assert.equal(graph.counters.ticks, 1)
  })

  test('replace writes the difference', () => {
    const source = new Graph().source<{ n: number }>('source')
    source.replace([
      ['a', { n: 1 }],
      ['b', { n: 2 }],
    ])
    const ticks: unknown[] = []
    source.subscribe(changes => ticks.push(changes))
    source.replace([
      ['b', { n: 2 }],
      ['c', { n: 3 }],
    ])
    source.replace([
      ['c', { n: 3 }],
      ['b', { n: 2 }],
    ])
    assert.deepEqual(ticks, [
      [
        { key: 'a', before: { n: 1 } },
        { key: 'c', after: { n: 3 } },
      ],
    ])
  })

  test('a batch that throws is carried out so far', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    assert.throws(() =>
      graph.batch(() => {
        source.set('a', 1)
        throw new Error('stop')
      }),
    )
    assert.equal(source.get('a'), 1)
  })

  test('a listener that writes starts a following tick', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    const copies = copy('copies', source)
    const log: string[] = []
    source.subscribe(() => {
      log.push(`first ${source.get('n')}`)
      const n = source.get('n') ?? 0
      if (n < 3) source.set('n', n + 1)
      assert.equal(source.get('n'), n)
    })
    copies.subscribe(() => log.push(`second ${copies.get('n')}`))
    source.set('n', 1)
    assert.deepEqual(log, ['first 1', 'second 1', 'first 2', 'second 2', 'first 3', 'second 3'])
    assert.equal(graph.counters.ticks, 3)
  })

  test('endless feedback is an error, and the graph still works', () => {
    const graph = new Graph({ maxTicks: 10 })
    const source = graph.source<number>('source')
    const end = source.subscribe(() => source.set('n', (source.get('n') ?? 0) + 1))
    assert.throws(
      () => source.set('n', 0),
      error => hasCode(error, 'derive.feedback') && error.message.includes('still write to source'),
    )
    end()
    source.set('m', 1)
    assert.deepEqual([source.get('n'), source.get('m')], [10, 1])
  })

  test('a subscription ends at once, and is separate for the same function', () => {
    const source = new Graph().source<number>('source')
    const calls: string[] = []
    const listener = () => calls.push('twice')
    source.subscribe(() => endLast())
    const endFirst = source.subscribe(listener)
    source.subscribe(listener)
    const endLast = source.subscribe(() => calls.push('never'))
    source.set('a', 1)
    endFirst()
    endFirst()
    source.set('a', 2)
    assert.deepEqual(calls, ['twice', 'twice', 'twice'])
  })

  test('collections may be made by a listener', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    const made: Collection<number>[] = []
    const end = source.subscribe(() => {
      made.push(copy('late', source))
      end()
    })
    source.set('a', 1)
    source.set('b', 2)
    assert.deepEqual(
      [...(made[0]?.entries() ?? [])],
      [
        ['a', 1],
        ['b', 2],
      ],
    )
  })

  test('onTick comes after the subscribers', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    const log: string[] = []
    graph.onTick(() => log.push('tick'))
    source.subscribe(() => log.push('change'))
    source.set('a', 1)
    source.set('a', 1)
    assert.deepEqual(log, ['change', 'tick', 'tick'])
  })
})

/** A plan that throws for numbers above a limit. */
function fragile() {
  const graph = new Graph()
  const defects: DeriveError[] = []
  graph.onDefect(error => defects.push(error))
  const source = graph.source<number>('source')
  const limits = graph.source<number>('limits')
  const checked = derive('checked', source, (n, read, key) => {
    if (n > (read.get(limits, 'max') ?? 10)) throw new Error(`${n} is too much`)
    return [{ key, value: n }]
  })
  return { graph, defects, source, limits, checked }
}

describe('defects', () => {
  test('a plan that throws keeps its outputs, is named, and the others go on', () => {
    const { graph, defects, source, limits, checked } = fragile()
    source.replace([
      ['a', 1],
      ['b', 2],
    ])
    source.replace([
      ['a', 11],
      ['b', 3],
      ['new', 12],
    ])
    assert.deepEqual(Object.fromEntries(checked.entries()), { a: 1, b: 3 })
    assert.deepEqual(
      defects.map(error => error.payload),
      [
        { code: 'derive.defect', collection: 'checked', key: 'a' },
        { code: 'derive.defect', collection: 'checked', key: 'new' },
      ],
    )
    assert.match(defects[0]?.message ?? '', /plan of checked threw for "a": 11 is too much/)
    assert.equal(graph.defects().length, 2)
    limits.set('max', 20)
    assert.deepEqual(Object.fromEntries(checked.entries()), { a: 11, b: 3, new: 12 })
    assert.deepEqual(graph.defects(), [])
    source.set('a', 99)
    source.delete('a')
    assert.deepEqual([graph.defects(), checked.get('a')], [[], undefined])
  })

  test('while nobody listens the write throws, when all is done', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    derive('bad', source, () => {
      throw new Error('no')
    })
    const good = copy('good', source)
    assert.throws(
      () => source.set('a', 1),
      error => hasCode(error, 'derive.defect'),
    )
    assert.equal(good.get('a'), 1)
  })

  test('a listener that throws does not keep others from hearing', () => {
    const { defects, source } = fragile()
    source.subscribe(() => {
      throw new Error('deaf')
    })
    let calls = 0
    source.subscribe(() => calls++)
    source.set('a', 1)
    assert.deepEqual([calls, defects.length], [1, 1])
    assert.match(defects[0]?.message ?? '', /listener of source threw/)
  })

  test('a defect listener may write: findings are objects too', () => {
    const { graph, source } = fragile()
    const findings = graph.source<string>('findings')
    graph.onDefect(error => findings.set(JSON.stringify(error.payload), error.message))
    source.set('a', 100)
    assert.equal(findings.size, 1)
  })

  test('two values for one key in one run', () => {
    const { graph, defects, source } = fragile()
    derive('double', source, n => [
      { key: 'k', value: n },
      { key: 'k', value: n + 1 },
    ])
    source.set('a', 1)
    assert.match(defects[0]?.message ?? '', /yields "k" twice with different values/)
    assert.equal(graph.defects().length, 1)
  })

  test('an index function that throws leaves the item out', () => {
    const { graph, defects, source } = fragile()
    const odd = index(source, 'odd', n => {
      if (n === 3) throw new Error('three')
      return n % 2 === 1 ? 'odd' : undefined
    })
    const jobs = graph.source<string>('jobs')
    const counted = derive('counted', jobs, (value, read, key) => [
      { key, value: read.where(odd, value).length },
    ])
    jobs.set('j', 'odd')
    source.replace([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 5],
    ])
    assert.equal(counted.get('j'), 2)
    assert.equal(defects.length, 1)
  })

  test('what a plan must not do', () => {
    const { graph, defects, source } = fragile()
    const readers: Reader[] = []
    const other = new Graph().source<number>('other')
    const acts = new Map<number, (read: Reader) => void>([
      [1, () => source.set('x', 1)],
      [2, () => void graph.source('made')],
      [3, read => void read.get(younger, 'a')],
      [4, read => void read.get(other, 'a')],
      [5, read => void readers.push(read)],
      [6, () => void readers[0]?.get(source, 'a')],
      [7, read => void read.get(self, 'a')],
    ])
    const self: Collection<never> = derive('self', source, (n, read) => {
      acts.get(n)?.(read)
      return []
    })
    const younger = copy('younger', source)
    for (const n of acts.keys()) source.set('a', n)
    const causes = defects.map(({ cause }) => (hasCode(cause, 'derive') ? cause.code : cause))
    const expected = ['impure', 'impure', 'order', 'order', 'impure', 'order'].map(code => `derive.${code}`)
    assert.deepEqual(causes, expected)
    assert.deepEqual([source.get('x'), younger.get('a')], [undefined, 7])
  })

  test('names are unique, members of one graph', () => {
    const graph = new Graph()
    const source = graph.source<number>('source')
    assert.throws(
      () => graph.source('source'),
      error => hasCode(error, 'derive.name-taken'),
    )
    const foreign = new Graph().source<number>('foreign')
    assert.throws(
      () => union('u', [source, foreign]),
      error => hasCode(error, 'derive.order'),
    )
    assert.throws(() => union('u', []), TypeError)
  })
})
