import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfiguration, parseParameters } from '../cni/index.ts'
import { clientSettings } from './client-options.ts'

function settings(ipam: object, args = '', containerId = 'c1') {
  const config = { cniVersion: '1.0.0', name: 'lan', type: 'bridge', ipam: { type: 'dhcp', ...ipam } }
  const environment = new Map([
    ['CNI_COMMAND', 'ADD'],
    ['CNI_CONTAINERID', containerId],
    ['CNI_NETNS', '/run/netns/c1'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_ARGS', args],
  ])
  return clientSettings(parseConfiguration(Buffer.from(JSON.stringify(config))), parseParameters(environment))
}

const textOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1')

const codes = (ipam: object) => [...(settings(ipam).options.get(55) ?? [])]

describe('the options of a client', () => {
  it('identify it as the reference plugin does', () => {
    assert.equal(textOf(settings({}).options.get(61)), '\0c1/lan/eth0')
    const long = settings({}, '', 'c'.repeat(300)).options.get(61)
    assert.equal(long?.length, 255)
  })

  it('ask for what configures a pod, and for what makes a lease', () => {
    assert.deepEqual(codes({}), [1, 121, 3, 33, 6, 15, 119, 51, 58, 59])
    assert.deepEqual(codes({ request: [{ option: '42' }, { option: 'routers' }] }).at(7), 42)
    const few = { request: [{ skipDefault: true, option: 'subnet-mask' }, { option: '3' }] }
    assert.deepEqual(codes(few), [1, 3, 51, 58, 59])
    assert.deepEqual(codes({ request: [{ skipDefault: true }] }), [51, 58, 59])
  })

  it('are what the configuration provides, or an argument of the runtime', () => {
    const provide = [
      { option: 'host-name', fromArg: 'K8S_POD_NAME' },
      { option: '60', value: 'podlace' },
      { option: 'user-class', value: 'default', fromArg: 'K8S_POD_UID' },
      { option: '43', fromArg: 'K8S_POD_UID' },
      { option: 'dhcp-client-identifier', value: 'me' },
    ]
    const { options } = settings({ provide }, 'K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=default')
    assert.deepEqual(
      [12, 60, 77, 43, 61].map(code => textOf(options.get(code))),
      ['web-1', 'podlace', 'default', '', 'me'],
    )
    assert.equal(options.has(43), false)
  })

  it('are refused by name', () => {
    const cases: readonly [RegExp, object][] = [
      [
        /provide\.0\.option: expected a number .* found "colour"/,
        { provide: [{ option: 'colour', value: 'x' }] },
      ],
      [/option 53 is the client's own/, { provide: [{ option: '53', value: 'x' }] }],
      [/request\.0\.option/, { request: [{ option: '255' }] }],
      [/provide\.0\.value/, { provide: [{ option: '12', value: 'x'.repeat(256) }] }],
      [/priority/, { priority: -1 }],
    ]
    for (const [message, ipam] of cases)
      assert.throws(() => settings(ipam), { code: 'cni.invalid-configuration', message })
  })

  it('let pass what belongs to other daemons', () => {
    const { priority } = settings({ daemonSocketPath: '/run/cni/dhcp.sock', provide: null, priority: 50 })
    assert.equal(priority, 50)
  })
})
