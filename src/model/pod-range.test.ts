import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrefix } from '../ip/index.ts'
import { reservedRange } from './pod-range.ts'

test('prefixes that hosts treat in a way of their own are not for pods', () => {
  for (const text of [
    '127.0.0.0/8',
    '127.5.0.0/16',
    '224.0.0.0/4',
    '169.254.0.0/16',
    '240.0.0.0/8',
    '0.0.0.0/0',
  ])
    assert.match(reservedRange(parsePrefix(text)) ?? '', / is .*\(RFC \d+\)/, text)
  for (const text of ['::/0', 'fe80::/64', 'ff00::/8', '::ffff:10.0.0.0/112'])
    assert.match(reservedRange(parsePrefix(text)) ?? '', / is .*\(RFC \d+\)/, text)
})

test('private, shared, benchmark and public ones are', () => {
  for (const text of [
    '10.244.0.0/16',
    '100.64.0.0/10',
    '198.18.0.0/15',
    '8.0.0.0/8',
    'fd00::/48',
    '2001:db8::/48',
  ])
    assert.equal(reservedRange(parsePrefix(text)), undefined, text)
})
