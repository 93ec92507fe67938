import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, entryKey, NetlinkKernel, type Operation } from '../../src/kernel/index.ts'
import { Netns } from '../../src/sys/index.ts'

test('what this kernel lacks is kernel.unsupported, says which option would help, and leaves nothing half-made', async () => {
  using netns = Netns.create()
  const kernel = new NetlinkKernel({ netns })
  try {
    const bridge: Entry = {
      kind: 'link',
      type: 'bridge',
      claim: 'own',
      owner: 'test',
      name: 'br0',
      up: true,
      vlanFiltering: true,
    }
    const operation: Operation = { op: 'create', entry: bridge, why: 'missing' }
    const [outcome] = await kernel.apply([operation])
    const left = new Set((await kernel.observe()).map(({ entry }) => entryKey(entry)))
    // A kernel with CONFIG_BRIDGE_VLAN_FILTERING makes the bridge: then there is nothing to be seen here.
    if (outcome?.error === undefined) return assert.ok(left.has('link br0'))
    assert.equal(outcome.error.code, 'kernel.unsupported')
    assert.match(outcome.error.message, /create link br0: this kernel has no .*CONFIG_BRIDGE/)
    assert.ok(!left.has('link br0'))
  } finally {
    kernel.close()
  }
})

const common = { kind: 'link', claim: 'own', owner: 'test', name: 'x0' } as const
const links: readonly [link: Entry, module: string][] = [
  [{ ...common, type: 'ipvlan', device: 'd0', mode: 'l2' }, 'ipvlan'],
  [{ ...common, type: 'vlan', device: 'd0', id: 5 }, '8021q'],
  [{ ...common, type: 'dummy' }, 'dummy'],
  [{ ...common, type: 'vrf', table: 100 }, 'vrf'],
  [{ ...common, type: 'ipip', local: '192.0.2.1', pathMtuDiscovery: false }, 'ipip'],
]

for (const [entry, module] of links) {
  test(`a kernel has ${module}, or the error says to load it`, async () => {
    using netns = Netns.create()
    const kernel = new NetlinkKernel({ netns })
    const device: Entry = { ...common, type: 'ifb', name: 'd0' }
    const operations = [device, entry].map((entry): Operation => ({ op: 'create', entry, why: 'missing' }))
    const [, outcome] = await kernel.apply(operations)
    kernel.close()
    if (outcome?.error === undefined) return
    assert.equal(outcome.error.code, 'kernel.unsupported')
    assert.ok(outcome.error.message.includes(`modprobe ${module}`), outcome.error.message)
  })
}
