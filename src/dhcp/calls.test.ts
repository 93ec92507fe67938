import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode, ManualClock, settle, silentLogger } from '../base/index.ts'
import { cniErrorReply } from '../cni/index.ts'
import { DhcpCalls } from './calls.ts'
import { Leases } from './leases.ts'
import { FakeNetwork, honest, memoryStore, POD, promise } from './testing.ts'

/** A daemon whose network gives everybody the same address. */
function daemon() {
  const network = new FakeNetwork()
  network.answer = honest('10.1.0.9', promise(100))
  const clock = new ManualClock()
  const leases = new Leases({
    site: network,
    store: memoryStore(),
    clock,
    random: () => 0,
    log: silentLogger,
    broadcast: false,
    timeoutMs: 10_000,
    resendMaxMs: 62_000,
    totalMs: 208_000,
  })
  const calls = new DhcpCalls(leases)
  const call = (
    command: string,
    config: object = {},
    { containerId = 'c1', type = 'dhcp', pod = POD } = {},
  ) =>
    calls.handle(
      {
        type,
        fds: [],
        environment: new Map([
          ['CNI_COMMAND', command],
          ['CNI_CONTAINERID', containerId],
          ['CNI_IFNAME', 'eth0'],
          ['CNI_NETNS', '/run/netns/c1'],
        ]),
        stdin: Buffer.from(
          JSON.stringify({
            cniVersion: '1.1.0',
            name: 'lan',
            type: 'bridge',
            ipam: { type: 'dhcp' },
            ...config,
          }),
        ),
      },
      pod,
    )
  return { network, clock, leases, call, calls }
}

const refusalOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  )
  return cniErrorReply(error)
}

describe('the plugin dhcp', () => {
  it('answers ADD in the version of the configuration', async () => {
    const { call } = daemon()
    const { output } = await call('ADD')
    assert.deepEqual(output, {
      cniVersion: '1.1.0',
      ips: [{ address: '10.1.0.9/24', gateway: '10.1.0.1' }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }],
      dns: {},
    })
    const old = await daemon().call('ADD', { cniVersion: '0.2.0' })
    assert.match(JSON.stringify(old.output), /"ip4":\{"ip":"10\.1\.0\.9\/24"/)
  })

  it('takes an ADD back that nobody waits for any more', async () => {
    const { call, network, leases } = daemon()
    const { undo } = await call('ADD')
    await undo?.()
    assert.equal(network.types.at(-1), 'release')
    assert.equal(leases.get({ containerId: 'c1', network: 'lan', ifName: 'eth0' }), undefined)
  })

  it('finds with CHECK whether the lease is there, of this namespace, and holds', async () => {
    const { call, network, clock } = daemon()
    assert.match((await refusalOf(call('CHECK'))).msg, /c1\/lan\/eth0 has no lease/)
    await call('ADD')
    await call('CHECK')
    const other = await refusalOf(call('CHECK', {}, { pod: Object.create(POD, { cookie: { value: 78n } }) }))
    assert.deepEqual([other.code, /another network namespace/.test(other.msg)], [103, true])
    network.answer = () => []
    await clock.advance(120_000)
    const lost = await refusalOf(call('CHECK'))
    assert.deepEqual([lost.code, /lost its lease of 10\.1\.0\.9\/24/.test(lost.msg)], [103, true])
  })

  it('says with STATUS that pods of the network have lost their leases', async () => {
    const { call, network, clock } = daemon()
    await call('ADD')
    await call('STATUS')
    network.answer = () => []
    await clock.advance(120_000)
    const { code, msg } = await refusalOf(call('STATUS'))
    assert.equal(code, 51)
    assert.match(msg, /1 leases of network lan are lost, such as 10\.1\.0\.9\/24 of c1\/lan\/eth0/)
    await call('STATUS', { name: 'other' })
  })

  it('gives back with GC what is not listed, of this network alone', async () => {
    const { call, network, leases } = daemon()
    for (const containerId of ['c1', 'c2']) await call('ADD', {}, { containerId })
    await call('ADD', { name: 'other' })
    await call('GC', { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] })
    assert.deepEqual(
      ['lan', 'other'].map(name => Array.from(leases.ofNetwork(name), ({ containerId }) => containerId)),
      [['c2'], ['c1']],
    )
    assert.equal(network.types.filter(type => type === 'release').length, 1)
    assert.equal((await refusalOf(call('GC'))).code, 7)
  })

  it('needs a namespace where it asks through one, and none for DEL', async () => {
    const { call, calls } = daemon()
    await call('ADD')
    const request = {
      type: 'dhcp',
      fds: [],
      netnsError: 'ENOENT',
      environment: new Map([
        ['CNI_COMMAND', 'ADD'],
        ['CNI_CONTAINERID', 'c1'],
        ['CNI_IFNAME', 'eth0'],
        ['CNI_NETNS', '/run/netns/c1'],
      ]),
      stdin: Buffer.from('{"cniVersion":"1.0.0","name":"lan","type":"bridge","ipam":{"type":"dhcp"}}'),
    }
    assert.equal((await refusalOf(calls.handle(request, undefined))).code, 8)
    const environment = new Map([...request.environment, ['CNI_COMMAND', 'DEL'] as const])
    assert.deepEqual(await calls.handle({ ...request, environment }, undefined), {})
  })

  it('is the one plugin there', async () => {
    const { call } = daemon()
    assert.match((await refusalOf(call('ADD', {}, { type: 'bridge' }))).msg, /serves plugin dhcp alone/)
    assert.equal((await refusalOf(call('GC', { cniVersion: '1.0.0' }))).code, 1)
  })

  it('tells a runtime to try again where there is no server', async () => {
    const { call, network, clock } = daemon()
    network.answer = () => []
    const refused = refusalOf(call('ADD'))
    await settle()
    await clock.advance(10_000)
    assert.equal((await refused).code, 11)
    assert.equal(hasCode(await call('DEL').catch((error: unknown) => error), 'cni'), false)
  })
})
