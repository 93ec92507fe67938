import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { Graph } from '../../src/derive/index.ts'
import { type Entry, entryKey, NetlinkKernel, Reconciler } from '../../src/kernel/index.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { run } from './kernel-harness.ts'

/** What other programs made, under names and keys that are also ours: it must be as it was, to the last word. */
const uplink: Entry = { kind: 'link', type: 'device', name: 'uplink', claim: 'use', owner: 't' }
const cni0: Entry = { kind: 'link', type: 'bridge', name: 'cni0', claim: 'own', owner: 't', up: true }
const gateway: Entry = { kind: 'address', link: 'cni0', address: '10.244.1.1/24' }
const vxlan: Entry = {
  kind: 'link',
  type: 'vxlan',
  name: 'flannel.1',
  claim: 'own',
  owner: 't',
  vni: 1,
  udpPort: 8472,
  local: '192.168.77.1',
  device: 'uplink',
  learning: false,
  gbp: false,
  up: true,
}

interface World {
  readonly reconciler: Reconciler
  /** Another program. */
  ip(line: string): string
  /** Looks at what others made, desires these, and waits until there is nothing to do. */
  want(...entries: readonly Entry[]): Promise<void>
  findings(): string[]
}

/** A test in a namespace of its own, in which \`uplink\` is there before us. */
function it(title: string, body: (world: World) => Promise<void>): void {
  test(title, async () => {
    const netns = Netns.create()
    const ip = (line: string) => run(netns, ['ip', ...line.split(' ')])
    const kernel = new NetlinkKernel({
      netns,
      openEvents: (protocol, groups, options) => NetlinkEvents.openIn(netns, protocol, groups, options),
    })
    const desired = new Graph().source<Entry>('desired')
    const reconciler = new Reconciler({ kernel, desired, clock: systemClock, log: silentLogger })
    try {
      for (const line of ['link set lo up', 'link add uplink type bridge', 'link set uplink up']) ip(line)
      await reconciler.start()
      await body({
        reconciler,
        ip,
        async want(...entries) {
          await reconciler.audit()
          desired.replace(entries.map(entry => [entryKey(entry), entry]))
          await reconciler.settled()
        },
        findings: () => reconciler.findings.map(({ code, key }) => `${code} ${key}`).toSorted(),
      })
    } finally {
      await reconciler.stop()
      kernel.close()
      netns.close()
    }
  })
}

it('a bridge cni0 that serves others stays as it is, with its address and its ports', async world => {
  const { ip, want, findings, reconciler } = world
  ip('link add cni0 type bridge')
  ip('address add 10.22.0.1/16 dev cni0')
  ip('link add theirs type veth peer name theirs1')
  ip('link set theirs master cni0')
  const before = [ip('-d link show dev cni0'), ip('address show dev cni0')]
  await want(cni0, gateway)
  assert.deepEqual([ip('-d link show dev cni0'), ip('address show dev cni0')], before)
  assert.deepEqual(findings(), ['foreign-object link cni0'])
  assert.match(reconciler.findings[0]?.message ?? '', /10\.22\.0\.1\/16 .* ports of another program/)
  // Nobody uses it any more: then it is taken over, and its address goes.
  ip('link delete theirs')
  await want(cni0, gateway)
  assert.deepEqual(findings(), [])
  assert.match(ip('address show dev cni0'), /10\.244\.1\.1\/24/)
  assert.doesNotMatch(ip('address show dev cni0'), /10\.22\./)
})

it('a cni0 that has just our address is taken over with the pods that are on it', async ({
  ip,
  want,
  findings,
}) => {
  ip('link add cni0 type bridge')
  ip('address add 10.244.1.1/24 dev cni0')
  ip('link add theirs type veth peer name theirs1')
  ip('link set theirs master cni0')
  await want(cni0, gateway)
  assert.deepEqual(findings(), [])
  assert.match(ip('link show dev cni0'), /alias podlace:t/)
  assert.match(ip('link show dev theirs'), /master cni0/)
  await want()
  assert.match(ip('link show dev theirs'), /theirs@theirs1/)
})

it('a flannel.1 of another network keeps all that hangs on it', async ({ ip, want, findings }) => {
  ip('link add flannel.1 type vxlan id 99 dstport 4789 local 192.168.77.9 dev uplink nolearning')
  ip('address add 10.77.0.0/32 dev flannel.1')
  ip('link set flannel.1 up')
  ip('route add 10.77.5.0/24 via 10.77.5.0 dev flannel.1 onlink')
  ip('neigh add 10.77.5.0 lladdr 02:00:00:00:00:05 dev flannel.1')
  const look = () => [
    ip('-d link show dev flannel.1').replace(/ promiscuity.*/, ''),
    ip('-4 address show dev flannel.1'),
    ip('route show dev flannel.1'),
    ip('neigh show dev flannel.1 nud permanent'),
  ]
  const before = look()
  const peer: Entry = { kind: 'route', dst: '10.244.2.0/24', table: 254, metric: 0, link: 'flannel.1' }
  await want(uplink, vxlan, peer, { kind: 'address', link: 'flannel.1', address: '10.244.1.0/32' })
  assert.deepEqual(look(), before)
  assert.deepEqual(findings(), ['foreign-object link flannel.1'])
  await want()
  assert.deepEqual(look(), before)
})

it('a device that has our VNI under another name stays, and the finding says so', async ({
  ip,
  want,
  reconciler,
}) => {
  ip('link add other type vxlan id 1 dstport 8472 local 192.168.77.1 dev uplink')
  await want(uplink, vxlan)
  const [finding] = reconciler.findings
  assert.equal(finding?.key, 'link flannel.1')
  assert.match(finding?.message ?? '', /VNI/)
  assert.match(ip('link show dev other'), /other/)
})

it('a route that another program puts before ours is neither changed nor removed', async world => {
  const { ip, want, findings } = world
  for (const [family, dst, metric] of [
    ['-4', '10.6.0.0/16', 0],
    ['-6', 'fd06::/64', 1024],
  ] as const) {
    const route: Entry = { kind: 'route', dst, table: 254, metric, link: 'uplink', mtu: 1300 }
    await want(route)
    const theirs = family === '-4' ? 'prepend' : 'append'
    ip(`${family} route ${theirs} ${dst} dev lo metric ${metric}`)
    await want({ ...route, mtu: 1400 })
    assert.match(ip(`${family} route show ${dst}`), /dev lo/)
    assert.deepEqual(findings(), [`foreign-object ${entryKey(route)}`])
    ip(`${family} route delete ${dst} dev lo metric ${metric}`)
    await want({ ...route, mtu: 1400 })
    assert.match(ip(`${family} route show ${dst}`), /mtu 1400/)
    assert.deepEqual(findings(), [])
  }
})

it('a route made by hand with our protocol number is ours: it goes, but not while deletions are held', async world => {
  const { ip, want, reconciler } = world
  reconciler.holdDeletes()
  ip('route add 10.66.0.0/16 dev uplink proto 113')
  await reconciler.audit()
  assert.match(ip('route show 10.66.0.0/16'), /uplink/)
  reconciler.releaseDeletes()
  await want()
  assert.equal(ip('route show 10.66.0.0/16'), '')
})
