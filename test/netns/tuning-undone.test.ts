/** What `tuning` changed, when the interface below it goes first: by a call whose descriptors lead to fewer sysctls. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { cniErrorReply } from '../../src/cni/index.ts'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import { Netns, type NetnsFds } from '../../src/sys/index.ts'
import { TestCluster } from './agent-nodes.ts'

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-tuning-'))
after(() => fs.rmSync(dataDir, { recursive: true }))

const BRIDGE = { isGateway: true, ipam: { type: 'host-local', dataDir, subnet: '10.9.0.0/24' } }
const TUNING = { sysctl: { 'net.core.somaxconn': '777', 'net.ipv4.ip_default_ttl': '70' } }

test('DEL of the interface takes tuning along, and puts back what it can reach', async () => {
  const cluster = await TestCluster.start({ type: 'host-gw' }, '10.244.0.0/16', { nodeCount: 1 })
  const pod = Netns.create()
  try {
    const call = async (command: string, type: string, fds: NetnsFds, extra: object): Promise<object> => {
      const stdin = Buffer.from(JSON.stringify({ cniVersion: '1.1.0', name: 'lan', type, ...extra }))
      const environment = new Map([
        ['CNI_COMMAND', command],
        ['CNI_CONTAINERID', 'c1'],
        ['CNI_IFNAME', 'eth0'],
        ['CNI_NETNS', '/run/netns/c1'],
      ])
      const openKernel = () => new NetlinkKernel({ netns: Netns.fromFds(fds) })
      const agent = cluster.node(1).agent
      assert.ok(agent)
      try {
        const request = { type, fds: [], environment, stdin }
        const { output } = await agent.handle(request, { fds, cookie: pod.cookie, openKernel })
        return output as object
      } catch (error) {
        return cniErrorReply(error)
      }
    }
    const { netns, route, netfilter, ipv4, ipv6 } = pod.fds
    const basic = { netns, route, netfilter, ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) }
    const before = pod.readSysctl('ipv4/ip_default_ttl')
    const prevResult = await call('ADD', 'bridge', basic, BRIDGE)
    assert.ok('ips' in (await call('ADD', 'tuning', pod.fds, { ...TUNING, prevResult })))
    assert.equal(pod.readSysctl('core/somaxconn'), '777')
    assert.equal(await call('DEL', 'bridge', basic, BRIDGE), undefined)
    assert.equal(pod.readSysctl('ipv4/ip_default_ttl'), before)
    assert.equal(cluster.node(1).agent?.attached.size, 0)
    assert.deepEqual(
      fs.readdirSync(path.join(dataDir, 'lan')).filter(name => name.startsWith('10.')),
      [],
    )
  } finally {
    pod.close()
    await cluster.close()
  }
})
