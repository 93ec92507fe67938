import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { type Collection, derive, Graph, union } from './index.ts'

interface Wish {
  readonly key: string
  readonly value: number
}

/** Items that each claim one key, and the collection of what stands. */
function wishes() {
  const graph = new Graph()
  const source = graph.source<Wish>('wishes')
  const granted = derive('granted', source, ({ key, value }) => [{ key, value: { value } }])
  const wish = (by: string, key: string, value: number) => source.set(by, { key, value })
  return { graph, source, granted, wish }
}

const summary = <T>(collection: Collection<T>) =>
  collection.conflicts().map(({ key, value, claims }) => ({
    key,
    value,
    claims: claims.map(claim => `${claim.by.collection} ${claim.by.key}${claim.holds ? ' holds' : ''}`),
  }))

describe('claims', () => {
  test('equal outputs are counted', () => {
    const { source, granted, wish } = wishes()
    wish('a', 'k', 1)
    let changes = 0
    granted.subscribe(() => changes++)
    wish('b', 'k', 1)
    source.delete('a')
    assert.deepEqual([granted.get('k'), changes, granted.conflicts()], [{ value: 1 }, 0, []])
    source.delete('b')
    assert.deepEqual([granted.get('k'), changes], [undefined, 1])
  })

  test('unequal outputs: what stands stays, then the oldest claim takes over', () => {
    const { source, granted, wish } = wishes()
    wish('a', 'k', 1)
    wish('b', 'k', 2)
    wish('c', 'k', 3)
    assert.deepEqual(summary(granted), [
      { key: 'k', value: { value: 1 }, claims: ['wishes a holds', 'wishes b', 'wishes c'] },
    ])
    source.delete('a')
    assert.deepEqual(granted.get('k'), { value: 2 })
    wish('a', 'k', 1)
    assert.deepEqual(granted.get('k'), { value: 2 }, 'who comes back is younger')
    wish('c', 'k', 2)
    source.delete('b')
    assert.deepEqual(granted.get('k'), { value: 2 }, 'somebody still wants it')
    wish('c', 'k', 4)
    assert.deepEqual(granted.get('k'), { value: 4 }, 'the oldest claim, though its value is new')
    source.delete('a')
    assert.deepEqual(granted.conflicts(), [])
  })

  test('handing a key over within one tick is no conflict', () => {
    const { graph, source, granted, wish } = wishes()
    wish('a', 'k', 1)
    graph.batch(() => {
      wish('b', 'k', 2)
      source.delete('a')
    })
    assert.deepEqual([granted.get('k'), granted.conflicts()], [{ value: 2 }, []])
  })

  test('what stood before the tick stays if anybody claims it at its end', () => {
    const { graph, source, granted, wish } = wishes()
    wish('a', 'k', 1)
    graph.batch(() => {
      wish('a', 'k', 2)
      wish('b', 'k', 1)
    })
    assert.deepEqual(summary(granted), [
      { key: 'k', value: { value: 1 }, claims: ['wishes a', 'wishes b holds'] },
    ])
    graph.batch(() => {
      source.delete('b')
      source.delete('a')
      wish('c', 'k', 1)
    })
    assert.deepEqual([granted.get('k'), granted.conflicts()], [{ value: 1 }, []])
    assert.deepEqual(granted.origin('k'), [{ collection: 'wishes', key: 'c' }])
  })

  test('a union decides in the same way and names its members', () => {
    const graph = new Graph()
    const left = graph.source<number>('left')
    const right = graph.source<number>('right')
    const both = union('both', [left, right])
    right.set('k', 2)
    left.set('k', 1)
    left.set('only', 7)
    assert.deepEqual(summary(both), [{ key: 'k', value: 2, claims: ['right k holds', 'left k'] }])
    assert.equal(graph.conflicts().length, 1)
    assert.deepEqual(both.origin('k'), [{ collection: 'right', key: 'k' }])
    right.delete('k')
    assert.deepEqual(Object.fromEntries(both.entries()), { k: 1, only: 7 })
  })

  test("a union shows its members' conflicts too", () => {
    const { granted, wish } = wishes()
    const all = union('all', [granted])
    wish('a', 'k', 1)
    wish('b', 'k', 2)
    assert.equal(all.conflicts()[0]?.collection, 'granted')
  })

  test('many claims on one key cost the same each', () => {
    const { granted, source } = wishes()
    source.replace(Array.from({ length: 20_000 }, (_, n) => [`${n}`, { key: 'k', value: 1 }] as const))
    assert.equal(granted.size, 1)
    source.replace([['last', { key: 'k', value: 1 }]])
    assert.equal(granted.size, 1)
  })

  test('random claims agree with the rule written down naively', () => {
    const write = fc.record({
      by: fc.constantFrom('a', 'b', 'c', 'd'),
      wish: fc.option(fc.record({ key: fc.constantFrom('k', 'l'), value: fc.nat(2) }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(write, { maxLength: 40 }), writes => {
        const { source, granted } = wishes()
        const model = new Model()
        for (const { by, wish } of writes) {
          if (wish === undefined) source.delete(by)
          else source.set(by, wish)
          model.write(by, wish)
          for (const key of ['k', 'l']) {
            assert.deepEqual(granted.get(key)?.value, model.standing.get(key))
          }
          const conflicts = granted.conflicts().map(conflict => conflict.key)
          assert.deepEqual(conflicts.sort(), model.conflicts())
        }
      }),
    )
  })
})

/** The conflict rule, without any cleverness. */
class Model {
  readonly standing = new Map<string, number>()
  /** In order of age. */
  private claims: { by: string; key: string; value: number }[] = []

  write(by: string, wish: Wish | undefined): void {
    const held = this.claims.find(claim => claim.by === by)
    if (held !== undefined && wish?.key === held.key) held.value = wish.value
    else {
      this.claims = this.claims.filter(claim => claim.by !== by)
      if (wish !== undefined) this.claims.push({ by, ...wish })
    }
    for (const key of ['k', 'l']) {
      const values = this.claims.filter(claim => claim.key === key).map(claim => claim.value)
      const [oldest] = values
      if (oldest === undefined) this.standing.delete(key)
      else if (!values.includes(this.standing.get(key) ?? Number.NaN)) this.standing.set(key, oldest)
    }
  }

  conflicts(): string[] {
    return ['k', 'l'].filter(
      key => new Set(this.claims.filter(c => c.key === key).map(c => c.value)).size > 1,
    )
  }
}
