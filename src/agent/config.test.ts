import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAgentConfig } from './config.ts'

const GOOD = { nodeName: 'node-1', api: 'http://10.0.0.10:6443' }

function refusal(input: unknown): string {
  try {
    parseAgentConfig(input)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'agent.config') return error.message
    throw error
  }
  return assert.fail('it was taken')
}

test('what is left out has its default', () => {
  const { bridge, stateDir, subnetFile } = parseAgentConfig(GOOD)
  assert.deepEqual([bridge, stateDir, subnetFile], ['cni0', '/var/lib/podlace', '/run/flannel/subnet.env'])
})

test('what is missing or unknown is named, and unknown keys get the list of known ones', () => {
  assert.match(refusal({}), /nodeName: missing$/)
  assert.match(refusal({ ...GOOD, nodename: 'x' }), /nodename: unknown key; known keys: nodeName, api, /)
  assert.match(refusal('text'), /expected keys and values/)
  assert.match(refusal({ ...GOOD, api: '10.0.0.10:6443' }), /api: expected a URL such as http/)
})

test('interface names are such as the kernel takes', () => {
  for (const name of ['cni0', 'eth0.100', 'a'.repeat(15)])
    assert.equal(parseAgentConfig({ ...GOOD, bridge: name, uplink: name }).uplink, name)
  for (const name of ['', 'a'.repeat(16), 'a b', 'a/b', 'a:b', '.', '..', 'ü'.repeat(8)])
    assert.match(
      refusal({ ...GOOD, bridge: name }),
      /bridge: expected the name of an interface, found .*: it /,
    )
})
