import assert from 'node:assert/strict'
import { test } from 'node:test'
import { annotationsFor, peerFromNode } from './annotations.ts'
import { planNode, planPeer } from './plan.ts'
import { commands, dualStack, networkConfig, node, plainPeer, readBack, self } from './testing.ts'

const backend = {
  type: 'extension',
  preStartupCommand: '/opt/net/key --new',
  postStartupCommand: '/opt/net/up',
  subnetAddCommand: "/opt/net/add --note 'a peer'",
  subnetRemoveCommand: '/opt/net/remove',
} as const
const config = networkConfig({ backend })
const bare = networkConfig({ backend: { type: 'extension' } })

test('the programs of the start: the one before knows nothing, the one after its block', () => {
  const { effects, findings } = planNode(config, self)
  assert.deepEqual(findings, [])
  assert.deepEqual(effects, [
    {
      key: 'startup',
      value: {
        kind: 'startup',
        before: { program: '/opt/net/key', args: ['--new'], environment: {}, input: '\n' },
        after: {
          program: '/opt/net/up',
          args: [],
          environment: { NETWORK: '10.244.0.0/16', SUBNET: '10.244.1.0/24', PUBLIC_IP: '192.168.77.1' },
          input: '\n',
        },
      },
    },
  ])
  assert.deepEqual(commands(planNode(config, self)), ['sysctl -w net/ipv4/conf/all/forwarding=1'])
})

test('a peer: programs that are told of its subnet and what it printed', () => {
  const reading = peerFromNode(
    node({ 'backend-type': 'extension', 'backend-data': '"key \\"7\\""', 'public-ip': '192.168.77.3' }),
  )
  assert.ok(reading.peer !== undefined)
  const { entries, effects, findings } = planPeer(config, self, reading.peer)
  assert.deepEqual([entries, findings], [[], []])
  const common = {
    environment: { SUBNET: '10.244.3.0/24', PUBLIC_IP: '192.168.77.3' },
    input: 'key "7"\n',
  }
  assert.deepEqual(effects, [
    {
      key: 'subnet 10.244.3.0/24',
      value: {
        kind: 'subnet',
        subnets: ['10.244.3.0/24'],
        add: { program: '/opt/net/add', args: ['--note', 'a peer'], ...common },
        remove: { program: '/opt/net/remove', args: [], ...common },
      },
    },
  ])
})

test('both families are told of in one call', () => {
  const both = networkConfig({ ...dualStack, backend })
  const six = { podCidr: 'fd00:10:0:3::/64', publicAddress: 'fd77::3' }
  const dual = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }
  const [effect] = planPeer(both, dual, { ...plainPeer('extension'), ipv6: six }).effects
  assert.equal(effect?.key, 'subnet 10.244.3.0/24 fd00:10:0:3::/64')
  assert.deepEqual(effect.value.kind === 'subnet' && effect.value.add?.environment, {
    SUBNET: '10.244.3.0/24',
    IPV6SUBNET: 'fd00:10:0:3::/64',
    PUBLIC_IP: '192.168.77.3',
    PUBLIC_IPV6: 'fd77::3',
  })
})

test('nothing is told before the first program has run, then what it printed', () => {
  assert.deepEqual(readBack(annotationsFor(config, self)), {})
  assert.deepEqual(readBack(annotationsFor(config, { ...self, preStartupOutput: 'key "7"' })), {
    'kube-subnet-manager': 'true',
    'backend-type': 'extension',
    'public-ip': '192.168.77.1',
    'backend-data': '"key \\"7\\""',
  })
})

test('without programs the data is empty, as flannel has it, and reads back', () => {
  const written = {
    'kube-subnet-manager': 'true',
    'backend-type': 'extension',
    'public-ip': '192.168.77.1',
    'backend-data': '',
  }
  assert.deepEqual(readBack(annotationsFor(bare, self)), written)
  const { peer, findings } = peerFromNode(node({ ...written, 'public-ip': '192.168.77.3' }))
  assert.deepEqual([peer?.ipv4?.data, findings], [{ type: 'extension', text: '' }, []])
  assert.deepEqual(planPeer(bare, self, plainPeer('extension')).effects, [
    { key: 'subnet 10.244.3.0/24', value: { kind: 'subnet', subnets: ['10.244.3.0/24'] } },
  ])
})

test('data that is no text is a finding', () => {
  const { findings } = peerFromNode(
    node({ 'backend-type': 'extension', 'backend-data': '{}', 'public-ip': '192.168.77.3' }),
  )
  assert.match(findings[0]?.text ?? '', /backend-data is not valid: "expected a text"/)
})
