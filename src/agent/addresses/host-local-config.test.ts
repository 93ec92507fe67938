import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../cni/index.ts'
import { parseHostLocalConfig, parseResolvConf } from './host-local-config.ts'

function parse(ipam: object) {
  const config = { cniVersion: '1.1.0', name: 'lan', type: 'bridge', ipam: { type: 'host-local', ...ipam } }
  return parseHostLocalConfig(parseConfiguration(Buffer.from(JSON.stringify(config))))
}

test('the older form with one subnet is the first range set; the gateway defaults to the first host', () => {
  assert.deepEqual(
    parse({ subnet: '10.1.0.0/16', rangeStart: '10.1.2.0', ranges: [[{ subnet: 'fd00::/64' }]] }),
    {
      dataDir: '/var/lib/cni/networks',
      rangeSets: [
        [{ prefix: '10.1.0.0/16', rangeStart: '10.1.2.0', gateway: '10.1.0.1' }],
        [{ prefix: 'fd00::/64', gateway: 'fd00::1' }],
      ],
      routes: [],
    },
  )
})

test('keys of other plugins pass, faulty ones are named', () => {
  assert.equal(parse({ subnet: '10.1.0.0/16', somethingElse: 1 }).rangeSets.length, 1)
  const faults: [object, RegExp][] = [
    [{ subnet: '10.1.0.1/16' }, /subnet/],
    [{ subnet: '10.1.0.0/16', gateway: 'x' }, /gateway/],
    [{ ranges: [[]] }, /ranges/],
    [{ ranges: [{ subnet: '10.1.0.0/16' }] }, /ranges/],
    [{ routes: [{ dst: 'everywhere' }] }, /routes/],
  ]
  for (const [ipam, message] of faults)
    assert.throws(() => parse(ipam), { code: 'cni.invalid-configuration', message })
})

test('resolv.conf: what a result has room for, comments and unknown lines left out', () => {
  const text =
    '# made by hand\nnameserver 10.0.0.2 ; first\nnameserver fd00::2\nsearch a.example b.example\noptions ndots:5\nsortlist x\noptions rotate edns0\n'
  assert.deepEqual(parseResolvConf(text), {
    nameservers: ['10.0.0.2', 'fd00::2'],
    search: ['a.example', 'b.example'],
    options: ['ndots:5', 'rotate', 'edns0'],
  })
})
