import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResolvConf } from './resolv-conf.ts'

test('resolv.conf: what a result has room for, comments and unknown lines left out', () => {
  const text =
    '# made by hand\nnameserver 10.0.0.2 ; first\nnameserver fd00::2\nsearch a.example b.example\noptions ndots:5\nsortlist x\noptions rotate edns0\n'
  assert.deepEqual(parseResolvConf(text), {
    nameservers: ['10.0.0.2', 'fd00::2'],
    search: ['a.example', 'b.example'],
    options: ['ndots:5', 'rotate', 'edns0'],
  })
})
