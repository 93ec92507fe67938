import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parsePtpConfig,
  parseSbrConfig,
  parseTuningConfig,
  planPtp,
  planSbr,
  planTuning,
} from '../../src/attach/index.ts'
import { run } from './kernel-harness.ts'
import { podSpec, WiredPods } from './wired-pods.ts'

const spec = podSpec(2)
const ptp = (netns: string) => planPtp({ ...spec, config: parsePtpConfig({}) }, netns)

test('sbr: what comes from the address goes by its own table', async () => {
  using node = new WiredPods()
  const pod = await node.attach(ptp)
  const { result } = ptp('pod')
  const config = parseSbrConfig({})
  await node.chain(pod, present => planSbr({ ...spec, prevResult: result, present, config }).pod)
  assert.match(run(pod, ['ip', 'route', 'get', '10.9.9.9', 'from', '10.1.2.2']), /table 100/)
  assert.match(run(pod, ['ip', '-6', 'route', 'get', 'fd09::9', 'from', 'fd00:1::2']), /table 101/)
  assert.doesNotMatch(run(pod, ['ip', 'route', 'get', '10.9.9.9']), /table/)
})

test('tuning: sysctl, MAC, MTU, queue and modes of a living interface', async () => {
  using node = new WiredPods()
  const pod = await node.attach(ptp)
  const config = parseTuningConfig({
    sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '1' },
    mac: '02:00:00:00:00:07',
    mtu: 1400,
    promisc: true,
    allmulti: true,
    txQLen: 77,
  })
  await node.chain(pod, () => planTuning({ ...spec, prevResult: ptp('pod').result, config }).pod)
  const link = run(pod, ['ip', 'link', 'show', 'eth0'])
  assert.match(link, /PROMISC.*mtu 1400.*qlen 77/)
  assert.match(link, /ALLMULTI/)
  assert.match(link, /ether 02:00:00:00:00:07/)
  assert.equal(run(pod, ['cat', '/proc/sys/net/ipv4/conf/eth0/arp_filter']).trim(), '1')
})
