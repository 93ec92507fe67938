import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../base/index.ts'
import { SoftwareChecksums } from './software-checksums.ts'

let file = ''
const memory = { read: () => file, write: (text: string) => void (file = text) }
const start = (bootId: string, where = memory) =>
  new SoftwareChecksums({ memory: where, bootId, log: silentLogger })

test('what was found is known to the next process, and forgotten when the machine starts anew', () => {
  const first = start('one')
  assert.deepEqual(first.devices, [])
  assert.ok(first.add('flannel.1'))
  assert.ok(!first.add('flannel.1'))
  assert.deepEqual(start('one').devices, ['flannel.1'])
  assert.deepEqual(start('two').devices, [])
})

test('a record that cannot be read is none, and one that cannot be written changes nothing', () => {
  for (const text of ['', '{', '{"bootId":"one","devices":"flannel.1"}', '[]']) {
    file = text
    assert.deepEqual(start('one').devices, [])
  }
  const full = {
    read: () => '',
    write: () => {
      throw new Error('no space left on device')
    },
  }
  const found = start('one', full)
  assert.ok(found.add('flannel.1'))
  assert.deepEqual(found.devices, ['flannel.1'])
})
