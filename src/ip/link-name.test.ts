import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkNameFault } from './link-name.ts'

test('a link name is 1 to 15 bytes that /proc/sys can hold as a directory', () => {
  for (const name of ['eth0', 'flannel-v6.1', 'a', 'fifteen-bytes-x', '...']) {
    assert.equal(linkNameFault(name), undefined, name)
  }
  for (const name of ['', 'sixteen-bytes-xx', 'ééééééééé', '.', '..', 'a/b', 'eth0:1', 'a b', 'a\n', 'a\0']) {
    assert.equal(typeof linkNameFault(name), 'string', JSON.stringify(name))
  }
})
