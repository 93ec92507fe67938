import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DHCP_OPTION, type DhcpMessage } from '../packet/index.ts'
import { leaseOf, leaseResult } from './lease.ts'
import { address, POD_MAC, promise, SERVER, SERVER_MAC, seconds } from './testing.ts'

function ack(options = promise(1000), yourAddress = '10.1.0.9'): DhcpMessage {
  const rest = { transaction: 1, seconds: 0, broadcast: false, clientAddress: '0.0.0.0', mac: POD_MAC }
  return { op: 'reply', type: 'ack', ...rest, yourAddress, options }
}

const noFuzz = () => 0
const read = (message: DhcpMessage, random = noFuzz) => leaseOf(message, SERVER_MAC, 5_000, random)

const times = (t1: number, t2: number) =>
  promise(1000, [
    [DHCP_OPTION.renewalTime, seconds(t1)],
    [DHCP_OPTION.rebindingTime, seconds(t2)],
  ])

const without = (code: number) => {
  const options = promise(1000)
  options.delete(code)
  return options
}

const resultOf = (more: readonly (readonly [number, Uint8Array])[], priority = 0) => {
  const message = ack(promise(1000, more))
  const lease = read(message)
  assert.ok(typeof lease === 'object')
  return leaseResult(lease, message, priority)
}

describe('a lease', () => {
  it('is renewed after a half and rebound after seven eighths, unless the server says other times', () => {
    const promised = { address: '10.1.0.9/24', server: SERVER, serverMac: SERVER_MAC }
    const usual = { ...promised, renewMs: 505_000, rebindMs: 880_000, endMs: 1_005_000 }
    assert.deepEqual(read(ack()), usual)
    assert.deepEqual(read(ack(times(100, 200))), { ...usual, renewMs: 105_000, rebindMs: 205_000 })
    for (const [t1, t2] of [
      [0, 200],
      [300, 200],
      [100, 2000],
    ] as const)
      assert.deepEqual(read(ack(times(t1, t2))), usual, `T1 ${t1}, T2 ${t2}`)
  })

  it('is renewed a little earlier by some than by others', () => {
    const lease = read(ack(), () => 0.999_999)
    assert.ok(typeof lease === 'object' && lease.renewMs < 485_000 && lease.renewMs > 475_000)
  })

  it('keeps nobody busy, however short, and lasts for ever as a number', () => {
    const short = read(ack(promise(1)))
    assert.ok(typeof short === 'object' && short.renewMs === 6_000)
    const forever = read(ack(promise(0xffffffff)))
    assert.ok(typeof forever === 'object' && forever.endMs > 4e12)
  })

  it('is none without what makes one', () => {
    const cases: readonly [string, DhcpMessage][] = [
      ['no usable address', ack(promise(1000), '0.0.0.0')],
      ['no usable address', ack(promise(1000), '127.0.0.1')],
      ['no usable address', ack(promise(1000), '224.0.0.1')],
      ['no usable address', ack(promise(1000), '255.255.255.255')],
      ['no server identifier', ack(without(DHCP_OPTION.serverIdentifier))],
      ['no subnet mask', ack(without(DHCP_OPTION.subnetMask))],
      ['no subnet mask', ack(promise(1000, [[DHCP_OPTION.subnetMask, address('255.0.255.0')]]))],
      ['no lease time', ack(without(DHCP_OPTION.leaseTime))],
      ['no lease time', ack(promise(0))],
    ]
    assert.deepEqual(
      cases.map(([, message]) => read(message)),
      cases.map(([fault]) => fault),
    )
  })
})

describe('the result of a lease', () => {
  it('has the address, its gateway, and the default route by it', () => {
    assert.deepEqual(resultOf([]), {
      ips: [{ address: '10.1.0.9/24', gateway: SERVER }],
      routes: [{ dst: '0.0.0.0/0', gw: SERVER }],
      dns: {},
    })
  })

  it('has classless routes instead of all others', () => {
    const { routes } = resultOf([
      [DHCP_OPTION.classlessRoutes, Uint8Array.of(8, 10, 10, 1, 0, 2, 32, 10, 9, 9, 9, 0, 0, 0, 0)],
      [DHCP_OPTION.staticRoutes, Uint8Array.of(172, 16, 0, 0, 10, 1, 0, 3)],
    ])
    assert.deepEqual(routes, [{ dst: '10.0.0.0/8', gw: '10.1.0.2' }, { dst: '10.9.9.9/32' }])
  })

  it('has static routes beside the default one, with the priority of the network', () => {
    const { routes } = resultOf([[DHCP_OPTION.staticRoutes, Uint8Array.of(172, 16, 0, 0, 10, 1, 0, 3)]], 50)
    assert.deepEqual(routes, [
      { dst: '172.16.0.0/16', gw: '10.1.0.3', priority: 50 },
      { dst: '0.0.0.0/0', gw: SERVER, priority: 50 },
    ])
  })

  it('has name servers and domains, and nothing that is not one', () => {
    const { dns } = resultOf([
      [DHCP_OPTION.nameServers, Uint8Array.of(10, 1, 0, 53, 0, 0, 0, 0)],
      [DHCP_OPTION.domainName, Buffer.from('pods.example')],
      [DHCP_OPTION.domainSearch, Buffer.from('\x03lan\0', 'latin1')],
    ])
    assert.deepEqual(dns, { nameservers: ['10.1.0.53'], domain: 'pods.example', search: ['lan'] })
    const { dns: bad } = resultOf([[DHCP_OPTION.domainName, Buffer.from('a\nnameserver 6.6.6.6')]])
    assert.deepEqual(bad, {})
  })
})
