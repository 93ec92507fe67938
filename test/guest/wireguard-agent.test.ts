/** An agent with CAP_NET_ADMIN and nothing else, whose network is WireGuard's, killed and started again. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { test } from 'node:test'
import { type Entry, NetlinkKernel } from '../../src/kernel/index.ts'
import { SERVICE_UID } from '../../src/lab/index.ts'
import { netlinkIn } from '../../src/sys/index.ts'
import { eventually, ip } from '../netns/agent-nodes.ts'
import { LoneAgent } from '../netns/lone-agent.ts'

const secrets = { privateKey: () => undefined, presharedKey: () => undefined }

/** What the kernel has of WireGuard. */
async function tunnel({ netns }: LoneAgent): Promise<Entry[]> {
  const kernel = new NetlinkKernel({
    netns,
    wireguard: { openGeneric: () => netlinkIn(netns, 'generic'), secrets },
  })
  try {
    const entries = (await kernel.observe()).map(({ entry }) => entry)
    return entries.filter(({ kind }) => kind === 'wireguard' || kind === 'wireguard-peer')
  } finally {
    kernel.close()
  }
}

function status(node: LoneAgent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { socketPath: path.join(node.stateDir, 'agent.sock'), path: '/status' },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('end', () => resolve(text))
      },
    )
    request.on('error', reject)
  })
}

test('an agent with one capability sets WireGuard up, and when it is killed the next one writes nothing', async () => {
  const node = new LoneAgent('wireguard')
  try {
    await node.start()
    const before = await eventually('a device with its peer', async () => {
      const found = await tunnel(node)
      return found.length === 2 ? found : undefined
    })
    const file = path.join(node.stateDir, 'wireguard.key')
    const { uid, mode } = fs.statSync(file)
    assert.deepEqual([uid, mode & 0o777], [SERVICE_UID, 0o600])
    const key = fs.readFileSync(file, 'utf8')
    const link = ip(node.netns, 'link show flannel-wg')
    await node.kill()
    assert.deepEqual(await tunnel(node), before)
    await node.start()
    const page = await status(node)
    assert.match(page, /"ready":true/)
    assert.match(page, /"operations":0\b/)
    assert.ok(!page.includes(key))
    assert.deepEqual(await tunnel(node), before)
    assert.equal(ip(node.netns, 'link show flannel-wg'), link)
    assert.equal(fs.readFileSync(file, 'utf8'), key)
  } finally {
    await node.close()
  }
})
