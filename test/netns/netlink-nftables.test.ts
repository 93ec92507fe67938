import assert from 'node:assert/strict'
import { test } from 'node:test'
import { netfilterGroups, nft, parseEvents } from '../../src/netlink/index.ts'
import { NetlinkEvents } from '../../src/sys/index.ts'
import { NetlinkFixture } from './netlink-fixture.ts'

/** nftables on the real kernel: what we commit is what `nft list` prints and what our own dump gives. */

const T = { family: 'inet', table: 'podlace' } as const
const table: nft.Table = { family: 'inet', name: 'podlace', comment: 'made by podlace' }

const set = (name: string, key: readonly nft.Datatype[], rest: Partial<nft.Set> = {}): nft.Set => ({
  ...T,
  name,
  key,
  interval: false,
  ...rest,
})

const add = (to: nft.Set, ...elements: nft.KeyedElement[]) =>
  nft.addElements(
    { ...T, set: to.name },
    elements.flatMap(element => nft.elementsOf(to, element)),
  )

const kinds = (rows: readonly nft.Expression[]) => rows.map(({ expr }) => expr)

async function elementsIn(host: NetlinkFixture, of: nft.Set): Promise<nft.KeyedElement[]> {
  const messages = await host.netfilter.dump(nft.listElements({ ...T, set: of.name }))
  return nft.keyedElements(
    of,
    messages.flatMap(message => nft.decodeElementMessage(message).elements),
  )
}

test('tables, chains and rules read as if nft had made them', async () => {
  using host = new NetlinkFixture()
  const nets = set('nets', ['ipv4_addr'], { interval: true, comment: 'pod networks' })
  const rule: nft.Rule = {
    ...T,
    chain: 'post',
    comment: 'overlay',
    expressions: [
      ...nft.matchAddress('inet', 'source', '10.244.0.0/16'),
      ...nft.matchAddress('inet', 'destination', '10.244.0.0/17', true),
      ...nft.matchSet('inet', ['ip daddr'], 'nets', true),
      ...nft.matchMark(0x4000, 0x4000, true),
      ...nft.matchLink('out', 'eth0'),
      ...nft.counter(),
      ...nft.masquerade(nft.NF_NAT_RANGE_PROTO_RANDOM_FULLY),
    ],
  }
  await host.commit(
    nft.addTable(table),
    nft.addChain({
      ...T,
      name: 'post',
      hook: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
    }),
    nft.addChain({ ...T, name: 'marks' }),
    nft.addSet(nets),
    ...add(nets, { key: ['10.0.0.0/8'] }, { key: ['192.0.2.7'] }, { key: ['192.0.2.9-192.0.2.12'] }),
    nft.addRule(rule),
    nft.addRule({
      ...T,
      chain: 'marks',
      expressions: [
        ...nft.matchAddress('inet', 'source', 'fd00::/10'),
        ...nft.matchNumber('inet', 'l4proto', 6),
        ...nft.matchNumber('inet', 'th dport', 443),
        ...nft.matchLink('in', 'veth*', true),
        ...nft.setMark(0x4000, 0x4000),
        ...nft.verdict({ do: 'return' }),
      ],
    }),
  )
  assert.equal(
    host.run('nft', 'list', 'ruleset'),
    `table inet podlace {
	comment "made by podlace"
	set nets {
		type ipv4_addr
		flags interval
		comment "pod networks"
		elements = { 10.0.0.0/8, 192.0.2.7,
			     192.0.2.9-192.0.2.12 }
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/17 ip daddr != @nets meta mark & 0x00004000 != 0x00004000 oifname "eth0" counter packets 0 bytes 0 masquerade fully-random comment "overlay"
	}

	chain marks {
		ip6 saddr fd00::/10 tcp dport 443 iifname != "veth*" meta mark set meta mark | 0x00004000 return
	}
}
`,
  )
  const [back] = (await host.netfilter.dump(nft.listRules({ ...T, chain: 'post' }))).map(nft.decodeRule)
  assert.deepEqual([back?.comment, typeof back?.handle], ['overlay', 'bigint'])
  assert.deepEqual(kinds(back?.expressions ?? []), kinds(rule.expressions))
  const [tables, chains, sets] = [
    (await host.netfilter.dump(nft.listTables())).map(nft.decodeTable),
    (await host.netfilter.dump(nft.listChains({ family: 'inet' }))).map(nft.decodeChain),
    (await host.netfilter.dump(nft.listSets(T))).map(nft.decodeSet),
  ]
  assert.deepEqual(
    tables.map(({ name, comment }) => [name, comment]),
    [['podlace', 'made by podlace']],
  )
  assert.deepEqual(
    chains.map(({ name, hook }) => [name, hook?.priority]),
    [
      ['post', 100],
      ['marks', undefined],
    ],
  )
  assert.deepEqual(
    sets.map(({ name, key, interval, comment }) => ({ name, key, interval, comment })),
    [{ name: 'nets', key: ['ipv4_addr'], interval: true, comment: 'pod networks' }],
  )
})

test('sets and maps of every shape', async () => {
  using host = new NetlinkFixture()
  const shapes: [nft.Set, nft.KeyedElement[], RegExp][] = [
    [set('plain', ['ipv4_addr']), [{ key: ['10.0.0.1'] }], /elements = \{ 10\.0\.0\.1 \}/],
    [set('six', ['ipv6_addr'], { interval: true }), [{ key: ['fd00::/8'] }], /elements = \{ fd00::\/8 \}/],
    [set('marks', ['mark']), [{ key: ['0x4000'] }], /elements = \{ 0x00004000 \}/],
    [set('links', ['ifname']), [{ key: ['eth0'] }], /elements = \{ "eth0" \}/],
    [set('macs', ['ether_addr']), [{ key: ['02:00:00:00:00:01'] }], /elements = \{ 02:00:00:00:00:01 \}/],
    [
      set('ranges', ['ipv4_addr', 'inet_service'], { interval: true }),
      [{ key: ['10.0.0.0/8', '80-90'] }, { key: ['11.0.0.1', '443'] }],
      /elements = \{ 10\.0\.0\.0\/8 \. 80-90,\s+11\.0\.0\.1 \. 443 \}/,
    ],
    [
      set('jumps', ['inet_service'], { value: 'verdict' }),
      [{ key: ['80'], value: { do: 'jump', chain: 'c' } }],
      /elements = \{ 80 : jump c \}/,
    ],
    [
      set('services', ['ipv4_addr', 'inet_proto', 'inet_service'], { value: ['ipv4_addr', 'inet_service'] }),
      [{ key: ['10.96.0.1', 'tcp', '443'], value: ['10.244.1.2', '6443'] }],
      /elements = \{ 10\.96\.0\.1 \. tcp \. 443 : 10\.244\.1\.2 \. 6443 \}/,
    ],
    [
      set('tomark', ['ipv4_addr'], { interval: true, value: ['mark'] }),
      [
        { key: ['0.0.0.0/1'], value: ['0x1'] },
        { key: ['128.0.0.0/1'], value: ['0x2'] },
      ],
      /elements = \{ 0\.0\.0\.0\/1 : 0x00000001, 128\.0\.0\.0\/1 : 0x00000002 \}/,
    ],
  ]
  await host.commit(nft.addTable(table), nft.addChain({ ...T, name: 'c' }))
  for (const [shape, elements, printed] of shapes) {
    await host.commit(nft.addSet(shape), ...add(shape, ...elements))
    assert.deepEqual(await elementsIn(host, shape), elements, shape.name)
    const kind = shape.value === undefined ? 'set' : 'map'
    assert.match(host.run('nft', 'list', kind, 'inet', 'podlace', shape.name), printed)
    await host.commit(
      ...nft.deleteElements(
        { ...T, set: shape.name },
        elements.slice(0, 1).flatMap(one => nft.elementsOf(shape, one)),
      ),
    )
    assert.deepEqual(await elementsIn(host, shape), elements.slice(1), shape.name)
    await host.commit(nft.flushSet({ ...T, set: shape.name }), nft.deleteSet(shape))
  }
})

test('a chain on a device of a netdev table', async () => {
  using host = new NetlinkFixture()
  const hook: nft.Hook = {
    type: 'filter',
    hook: 'ingress',
    priority: -500,
    policy: 'accept',
    devices: ['lo'],
  }
  const chain: nft.Chain = { family: 'netdev', table: 'n', name: 'in', hook }
  await host.commit(
    nft.addTable({ family: 'netdev', name: 'n' }),
    nft.addChain(chain),
    nft.addRule({
      family: 'netdev',
      table: 'n',
      chain: 'in',
      expressions: [...nft.matchAddress('netdev', 'source', '10.0.0.0/9'), ...nft.verdict({ do: 'drop' })],
    }),
  )
  assert.match(host.run('nft', 'list', 'table', 'netdev', 'n'), /ip saddr 10\.0\.0\.0\/9 drop/)
  const [back] = (await host.netfilter.dump(nft.listChains({ family: 'netdev' }))).map(nft.decodeChain)
  assert.deepEqual(back?.hook, hook)
})

test('a batch with one refused message leaves nothing behind', async () => {
  using host = new NetlinkFixture()
  const replies = await host.netfilter.batch([
    nft.addTable(table),
    nft.addChain({ ...T, name: 'c' }),
    nft.deleteChain({ ...T, name: 'missing' }),
    nft.addRule({ ...T, chain: 'c', expressions: nft.verdict({ do: 'jump', chain: 'nowhere' }) }),
  ])
  const codes = replies.map(reply => (reply.ok ? 'ok' : reply.error.code))
  assert.deepEqual(codes, ['netlink.rolled-back', 'netlink.rolled-back', 'netlink.enoent', 'netlink.enoent'])
  assert.equal(host.run('nft', 'list', 'ruleset'), '')
  await host.commit(nft.addTable(table), nft.addChain({ ...T, name: 'c' }))
})

test('a batch for another generation is refused whole', async () => {
  using host = new NetlinkFixture()
  const generation = async () => {
    const [reply] = await host.netfilter.send([nft.getGeneration()])
    const [message] = reply?.ok === true ? reply.messages : []
    assert.ok(message !== undefined)
    return nft.decodeGeneration(message).id
  }
  const before = await generation()
  const taken = await host.netfilter.batch([nft.addTable(table)], { generation: before })
  assert.deepEqual([taken[0]?.ok, await generation()], [true, before + 1])
  const [late] = await host.netfilter.batch([nft.deleteTable(table)], { generation: before })
  assert.equal(late?.ok === false && late.error.code, 'netlink.erestart')
  assert.equal(await generation(), before + 1)
})

test('an element that exists: the same is fine, other data is refused, replacing takes one batch', async () => {
  using host = new NetlinkFixture()
  const map = set('m', ['inet_service'], { value: ['mark'] })
  const old = { key: ['80'], value: ['0x1'] }
  const changed = { key: ['80'], value: ['0x2'] }
  await host.commit(nft.addTable(table), nft.addSet(map), ...add(map, old))
  await host.commit(...add(map, old))
  const [refused] = await host.netfilter.batch(add(map, changed))
  assert.equal(refused?.ok === false && refused.error.code, 'netlink.eexist')
  await host.commit(...nft.deleteElements({ ...T, set: 'm' }, nft.elementsOf(map, old)), ...add(map, changed))
  assert.deepEqual(await elementsIn(host, map), [changed])
})

test('inserting, deleting and flushing rules', async () => {
  using host = new NetlinkFixture()
  const rule = (comment: string): nft.Rule => ({ ...T, chain: 'c', comment, expressions: nft.counter() })
  const comments = async () =>
    (await host.netfilter.dump(nft.listRules({ ...T, chain: 'c' }))).map(
      message => nft.decodeRule(message).comment,
    )
  await host.commit(
    nft.addTable(table),
    nft.addChain({ ...T, name: 'c' }),
    nft.addRule(rule('b')),
    nft.insertRule(rule('a')),
  )
  assert.deepEqual(await comments(), ['a', 'b'])
  const [first] = (await host.netfilter.dump(nft.listRules(T))).map(nft.decodeRule)
  assert.ok(first?.handle !== undefined)
  await host.commit(
    nft.addRule({ ...rule('a2'), position: first.handle }),
    nft.deleteRules({ ...T, chain: 'c', handle: first.handle }),
  )
  assert.deepEqual(await comments(), ['a2', 'b'])
  await host.commit(nft.deleteRules({ ...T, chain: 'c' }))
  assert.deepEqual(await comments(), [])
})

test('twenty thousand elements in one batch', async () => {
  using host = new NetlinkFixture()
  const many = set('many', ['ipv4_addr'])
  const elements = Array.from({ length: 20_000 }, (_, i) => ({ key: [`10.${i >> 8}.${i & 255}.1`] }))
  await host.commit(nft.addTable(table), nft.addSet(many), ...add(many, ...elements))
  assert.equal((await elementsIn(host, many)).length, elements.length)
})

test('changes of the ruleset come by as events', async () => {
  using host = new NetlinkFixture()
  const events = NetlinkEvents.openIn(host.netns, 'netfilter', [netfilterGroups.nftables])
  try {
    await host.commit(nft.addTable(table), nft.addChain({ ...T, name: 'c' }))
    const messages = parseEvents(events.drain().datagrams)
    const [made, chain, generation] = messages
    assert.ok(made !== undefined && chain !== undefined && generation !== undefined)
    assert.deepEqual([nft.decodeTable(made).name, nft.decodeChain(chain).name], ['podlace', 'c'])
    assert.ok(nft.decodeGeneration(generation).id > 0)
  } finally {
    events.close()
  }
})
