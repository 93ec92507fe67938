import type { ConformanceCase, Needs } from '../case.ts'
import { documentation, hostLocal, SPEC } from '../configs.ts'
import { eventually, expectDefined, expectEqual, expectIncludes, expectThat } from '../expect.ts'
import { addressesOf, observeLink } from '../observe.ts'
import type { World } from '../world.ts'
import { checksAddress, deletesTwice, deletesWithoutNamespace, type LifeSubject } from './life.ts'

interface Subject {
  readonly type: 'dummy' | 'tap'
  readonly needs: Needs
}

const SUBJECTS: readonly Subject[] = [
  { type: 'dummy', needs: { plugins: ['dummy', 'host-local'], kernel: ['dummy'] } },
  { type: 'tap', needs: { plugins: ['tap', 'host-local'], kernel: ['tun'] } },
]

function single(world: World, { type }: Subject) {
  return world.network({ type, ipam: hostLocal(world) })
}

function singleCases(subject: Subject): ConformanceCase[] {
  const { type, needs } = subject
  const source = documentation(type)
  const life: LifeSubject = { type, needs, attach: world => world.attach(single(world, subject)) }
  return [
    {
      id: `${type}.add.interface`,
      title: 'the container has the interface, up and with the address',
      source,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(single(world, subject))
        const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
        expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
        expectIncludes('flags', link.flags, 'UP')
        const kind = link.linkinfo?.info_kind
        expectThat('kind', kind === type || kind === 'tun', type, kind)
      },
    },
    {
      id: `${type}.add.result`,
      title: 'the result lists the interface in its sandbox',
      source: SPEC.result,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(single(world, subject))
        const names = result.interfaces.map(({ name, sandbox }) => [name, sandbox])
        expectEqual('interfaces', names, [['eth0', pod.path]])
      },
    },
    deletesTwice(life),
    deletesWithoutNamespace(life),
    checksAddress(life),
  ]
}

const tap: readonly ConformanceCase[] = [
  {
    id: 'tap.add.mtu-and-mac',
    title: 'mtu and mac: the interface has them',
    source: documentation('tap'),
    needs: { plugins: ['tap', 'host-local'], kernel: ['tun'] },
    async run(world) {
      const settings = { mtu: 1400, mac: '02:11:22:33:44:55' }
      const { pod } = await world.attach(world.network({ type: 'tap', ipam: hostLocal(world), ...settings }))
      const link = await observeLink(pod, 'eth0')
      expectEqual('MTU and MAC', [link?.mtu, link?.address], [1400, '02:11:22:33:44:55'])
    },
  },
  {
    id: 'tap.add.multi-queue',
    title: 'multiQueue: the interface has several queues',
    source: documentation('tap'),
    needs: { plugins: ['tap', 'host-local'], kernel: ['tun'] },
    async run(world) {
      const plugin = { type: 'tap', ipam: hostLocal(world), multiQueue: true }
      const { pod } = await world.attach(world.network(plugin))
      const data = (await observeLink(pod, 'eth0'))?.linkinfo?.info_data
      expectEqual('multi_queue', data?.['multi_queue'], true)
    },
  },
  {
    id: 'tap.add.bridge',
    title: 'bridge: the interface is a port of it',
    source: documentation('tap'),
    needs: { plugins: ['tap', 'host-local'], kernel: ['tun', 'bridge'] },
    async run(world) {
      const pod = await world.pod()
      await pod.ip('link add inner type bridge')
      const plugin = { type: 'tap', ipam: hostLocal(world), bridge: 'inner' }
      await world.attach(world.network(plugin), { pod })
      const master = await eventually(world.clock, async () => (await observeLink(pod, 'eth0'))?.master)
      expectEqual('master', master, 'inner')
    },
  },
]

export const dummyAndTapCases: readonly ConformanceCase[] = [...SUBJECTS.flatMap(singleCases), ...tap]
