import type { Attachment, Network } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, hostLocal, ptp } from '../configs.ts'
import { expectEqual, expectSuccess, expectThat } from '../expect.ts'
import { addressesOf, observeLink, observeLinks } from '../observe.ts'
import type { PluginReply } from '../plugin-reply.ts'
import type { World } from '../world.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const PARALLEL = 8
const SOURCE =
  'SPEC 1.1.0 section 3 "Lifecycle & Ordering": operations on different containers may run at once'

const SAME = 'this suite: a runtime that lost patience calls again, although SPEC 1.1.0 section 3 forbids it'

async function several(world: World, network: Network, count = PARALLEL): Promise<Attachment[]> {
  const attachments: Attachment[] = []
  for (let index = 0; index < count; index += 1) attachments.push(await world.attachment(network))
  return attachments
}

async function allSucceed(replies: readonly Promise<PluginReply>[]): Promise<void> {
  for (const reply of await Promise.all(replies)) expectSuccess(reply)
}

/** Every container has an address of its own, inside and in the result. */
async function expectUnique(attachments: readonly Attachment[]): Promise<void> {
  const addresses = attachments.map(({ address }) => address)
  expectEqual('number of different addresses', new Set(addresses).size, attachments.length)
  for (const { pod, result } of attachments)
    expectEqual('addresses of eth0', addressesOf(await observeLink(pod, 'eth0')), [result.ips[0]?.address])
}

export const concurrencyCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.concurrency.add',
    title: `${PARALLEL} ADDs at once, on a bridge that is not there yet: all succeed, with different addresses`,
    source: SOURCE,
    needs: NEEDS,
    async run(world) {
      const attachments = await several(world, world.network(bridge(world)))
      await allSucceed(attachments.map(one => one.add()))
      await expectUnique(attachments)
      const ports = (await observeLinks(world.host.network)).filter(
        ({ master }) => master === world.bridgeName,
      )
      expectEqual('ports of the bridge', ports.length, PARALLEL)
    },
  },
  {
    id: 'bridge.concurrency.del',
    title: `${PARALLEL} DELs at once: all succeed, nothing stays`,
    source: SOURCE,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] },
    async run(world) {
      const attachments = await several(world, world.network(bridge(world, { ipMasq: true })))
      await allSucceed(attachments.map(one => one.add()))
      await allSucceed(attachments.map(one => one.del()))
    },
  },
  {
    id: 'bridge.concurrency.add-and-del',
    title: 'ADDs of some containers during DELs of others: all succeed, the new ones are whole',
    source: SOURCE,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      const old = await several(world, network, 4)
      await allSucceed(old.map(one => one.add()))
      const young = await several(world, network, 4)
      await allSucceed([...old.map(one => one.del()), ...young.map(one => one.add())])
      await expectUnique(young)
    },
  },
  {
    id: 'bridge.concurrency.same-container',
    title: 'ADD twice at once for one container and interface: exactly one succeeds, and it is whole',
    source: SAME,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      const first = await world.attachment(network)
      const second = await world.attachment(network, first.options)
      const replies = await Promise.all([first.add(), second.add()])
      expectEqual('successes', replies.filter(({ succeeded }) => succeeded).length, 1)
      const winner = replies[0]?.succeeded === true ? first : second
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), [
        winner.result.ips[0]?.address,
      ])
      const loser = winner === first ? second : first
      loser.deleted = true
    },
  },
  {
    id: 'bridge.concurrency.add-against-del',
    title: 'DEL during ADD of the same container, then DEL: nothing stays',
    source: SAME,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] },
    async run(world) {
      const network = world.network(bridge(world, { ipMasq: true }))
      for (let round = 0; round < 4; round += 1) {
        const attachment = await world.attachment(network)
        const { pod, options } = attachment
        const rival = await world.attachment(network, options)
        await Promise.all([attachment.add(), rival.del()])
        await attachment.mustDel()
        expectThat('eth0 after the last DEL', (await observeLink(pod, 'eth0')) === undefined, 'gone', 'there')
      }
    },
  },
  {
    id: 'bridge.concurrency.networks',
    title: 'ADDs on two networks at once, with a bridge and without: both interfaces are whole',
    source: SOURCE,
    needs: { ...NEEDS, plugins: ['bridge', 'ptp', 'host-local'] },
    async run(world) {
      const first = await world.attachment(world.network(bridge(world)))
      const ipam = hostLocal(world, { ranges: [[{ subnet: '10.23.0.0/24' }]] })
      const other = { ...world.network(ptp(world, { ipam })), name: `${world.name}other` }
      const second = await world.attachment(other)
      await allSucceed([first.add(), second.add()])
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), ['10.22.0.2/24'])
      expectEqual('addresses of the other eth0', addressesOf(await observeLink(second.pod, 'eth0')), [
        '10.23.0.2/24',
      ])
    },
  },
  {
    id: 'ptp.concurrency.add',
    title: `${PARALLEL} ADDs and then DELs at once: all succeed, with different addresses`,
    source: SOURCE,
    needs: { plugins: ['ptp', 'host-local'], kernel: ['veth'] },
    async run(world) {
      const attachments = await several(world, world.network(ptp(world)))
      await allSucceed(attachments.map(one => one.add()))
      await expectUnique(attachments)
      await allSucceed(attachments.map(one => one.del()))
    },
  },
]
