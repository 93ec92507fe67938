import type { ConformanceCase } from '../../case.ts'
import { ALL_OR_NOTHING, documentation, dualStack, hostLocal, range, SPEC } from '../../configs.ts'
import { expectDefined, expectEqual, expectError, expectIncludes } from '../../expect.ts'
import { addressesOf, observeLink } from '../../observe.ts'
import { checksAddress, deletesTwice, deletesWithoutNamespace, type LifeSubject } from '../life.ts'
import { expectNoLink } from '../links.ts'
import { needsOf, network, SUBJECTS, type Subject } from './subjects.ts'

type Extra = Readonly<Record<string, unknown>>

/** What ADD makes. */
function addCases(subject: Subject): ConformanceCase[] {
  const { type } = subject
  const docs = documentation(type)
  const needs = needsOf(subject)
  return [
    {
      id: `${type}.add.interface`,
      title: 'the container has an interface upon the master, up and with the address',
      source: docs,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(network(world, subject))
        const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
        expectEqual('kind', link.linkinfo?.info_kind, type)
        expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
        expectIncludes('flags', link.flags, 'UP')
      },
    },
    {
      id: `${type}.add.result`,
      title: 'the result lists the interface in its sandbox, and the address belongs to it',
      source: SPEC.result,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(network(world, subject))
        const [ip] = result.ips
        const owner = expectDefined('interface of the address', result.interfaces[ip?.interface ?? -1])
        expectEqual('its name and sandbox', [owner.name, owner.sandbox], ['eth0', pod.path])
        expectEqual('its MAC', owner.mac?.toLowerCase(), (await observeLink(pod, 'eth0'))?.address)
      },
    },
    {
      id: `${type}.add.dual-stack`,
      title: 'an address of each family',
      source: docs,
      needs: needsOf(subject, 'ipv6'),
      async run(world) {
        const { pod, result } = await world.attach(network(world, subject, { ipam: dualStack(world) }))
        const wanted = result.ips.map(({ address }) => address)
        expectEqual('addresses', addressesOf(await observeLink(pod, 'eth0')), wanted)
      },
    },
    {
      id: `${type}.add.mtu`,
      title: 'mtu: the interface has it',
      source: docs,
      needs,
      async run(world) {
        const { pod } = await world.attach(network(world, subject, { mtu: 1400 }))
        expectEqual('MTU', (await observeLink(pod, 'eth0'))?.mtu, 1400)
      },
    },
    {
      id: `${type}.add.in-container`,
      title: 'linkInContainer: the master is looked for in the container',
      source: `${docs} (v1.2)`,
      needs,
      async run(world) {
        const pod = await world.pod()
        await pod.ip('link add inner type veth peer name innerp')
        await pod.ip('link set inner up')
        const inside = network(world, subject, { master: 'inner', linkInContainer: true })
        const attachment = await world.attach(inside, { pod })
        const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
        expectEqual('device below', link.link, 'inner')
        await attachment.mustDel()
        expectDefined('the master after DEL', await observeLink(pod, 'inner'))
      },
    },
  ]
}

/** What ADD refuses, or cannot do. */
function refusalCases(subject: Subject): ConformanceCase[] {
  const { type, boundedMtu } = subject
  const needs = needsOf(subject)
  const refusal = (id: string, title: string, extra: Extra): ConformanceCase => ({
    id: `${type}.add.${id}`,
    title,
    source: documentation(type),
    needs,
    async run(world) {
      const attachment = await world.attachment(network(world, subject, extra))
      expectError(await attachment.add())
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  })
  return [
    ...(boundedMtu
      ? [
          refusal('large-mtu', 'an mtu above the master’s is refused', { mtu: 9000 }),
          refusal('negative-mtu', 'a negative mtu is refused', { mtu: -1 }),
        ]
      : []),
    refusal('no-such-master', 'a master that is not there is an error', { master: 'not-there' }),
    {
      id: `${type}.add.twice`,
      title: 'ADD twice for one container and interface is an error; the first one stays',
      source: SPEC.add,
      needs,
      async run(world) {
        const first = await world.attach(network(world, subject))
        const again = await world.attachment(first.network, first.options)
        expectError(await again.add())
        again.deleted = true
        expectEqual('addresses', addressesOf(await observeLink(first.pod, 'eth0')), [
          first.result.ips[0]?.address,
        ])
      },
    },
    {
      id: `${type}.rollback.exhausted`,
      title: 'ADD without a free address leaves nothing',
      source: ALL_OR_NOTHING,
      needs,
      async run(world) {
        const small = network(world, subject, { ipam: hostLocal(world, { ranges: [range('10.22.0.0/30')] }) })
        await world.attach(small)
        const second = await world.attachment(small)
        expectError(await second.add())
        await expectNoLink('eth0 in the container', second.pod, 'eth0')
      },
    },
  ]
}

function lifeCases(subject: Subject): ConformanceCase[] {
  const { type } = subject
  const life: LifeSubject = {
    type,
    needs: needsOf(subject),
    attach: world => world.attach(network(world, subject)),
  }
  return [deletesTwice(life), deletesWithoutNamespace(life), checksAddress(life)]
}

/** What macvlan, ipvlan and vlan have in common. */
export const lowerLinkCases: readonly ConformanceCase[] = SUBJECTS.flatMap(subject => [
  ...addCases(subject),
  ...refusalCases(subject),
  ...lifeCases(subject),
])
