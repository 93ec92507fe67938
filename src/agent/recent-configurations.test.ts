import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { keptByConfiguration, RecentConfigurations } from './recent-configurations.ts'

const text = (name: string, extra: object = {}) =>
  Buffer.from(JSON.stringify({ cniVersion: '1.0.0', name, type: 'bridge', ...extra }))

test('the same text gives the same configuration, another one another', () => {
  const recent = new RecentConfigurations()
  const first = recent.read(text('a'))
  assert.equal(first.name, 'a')
  assert.equal(recent.read(text('a')), first)
  assert.equal(recent.read(text('b')).name, 'b')
  assert.equal(recent.read(text('a')), first)
})

test('it forgets rather than grow, and keeps nothing long', () => {
  const recent = new RecentConfigurations()
  const first = recent.read(text('a'))
  for (let n = 0; n < 40; n += 1) recent.read(text(`n${n}`))
  assert.notEqual(recent.read(text('a')), first)
  const long = text('long', { note: 'x'.repeat(20_000) })
  assert.notEqual(recent.read(long), recent.read(long))
})

test('what is of one pod is not kept, and pushes nothing out', () => {
  const recent = new RecentConfigurations()
  const first = recent.read(text('a'))
  const chained = (n: number) => text('a', { prevResult: { ips: [{ address: `10.1.0.${n}/24` }] } })
  assert.notEqual(recent.read(chained(1)), recent.read(chained(1)))
  for (let n = 0; n < 40; n += 1) assert.equal(recent.read(chained(n)).prevResult?.ips.length, 1)
  assert.equal(recent.read(text('a')), first)
})

test('what is no configuration is refused every time', () => {
  const recent = new RecentConfigurations()
  for (let n = 0; n < 2; n += 1) {
    assert.throws(
      () => recent.read(Buffer.from('{')),
      error => hasCode(error, 'cni'),
    )
  }
})

test('what is made of a configuration is made once, and a refusal every time', () => {
  const recent = new RecentConfigurations()
  let calls = 0
  const nameOf = keptByConfiguration(({ name }) => {
    calls += 1
    if (name === 'bad') throw new Error('refused')
    return name
  })
  assert.deepEqual([nameOf(recent.read(text('a'))), nameOf(recent.read(text('a')))], ['a', 'a'])
  assert.equal(calls, 1)
  for (let n = 0; n < 2; n += 1) assert.throws(() => nameOf(recent.read(text('bad'))), /refused/)
  assert.equal(calls, 3)
})
