import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Attachment, deriveConfig, type Network, type PluginCall } from './attachment.ts'
import { PluginReply } from './plugin-reply.ts'
import type { Pod } from './pod.ts'

const NETWORK: Network = {
  name: 'net',
  cniVersion: '1.0.0',
  plugins: [{ type: 'first' }, { type: 'second', capabilities: { portMappings: true } }],
}

/** A runtime whose plugins answer with their own name; `broken` fails. */
function setUp(broken?: string) {
  const calls: PluginCall[] = []
  const callPlugin = (call: PluginCall) => {
    calls.push(call)
    const failed = call.type === broken
    const stdout = failed ? '{"code": 7, "msg": "no"}' : `{"cniVersion": "1.0.0", "by": "${call.type}"}`
    return Promise.resolve(
      new PluginReply(call.type, { exitCode: failed ? 1 : 0, stdout, stderr: '', elapsedMs: 1 }),
    )
  }
  // Of a pod an attachment reads the path only; a real one needs namespaces.
  const pod = { path: '/run/netns/pod' } as Pod
  const options = { pod, containerId: 'c', ifname: 'eth0', capabilityArgs: { portMappings: [1], mac: 'x' } }
  return { calls, attachment: new Attachment(NETWORK, options, callPlugin) }
}

const configOf = (call: PluginCall | undefined) =>
  new Map(Object.entries(typeof call?.config === 'object' ? call.config : {}))

describe('Attachment', () => {
  it('adds in order, each plugin with the result of the one before', async () => {
    const { calls, attachment } = setUp()
    await attachment.add()
    assert.deepEqual(
      calls.map(({ verb, type }) => [verb, type]),
      [
        ['ADD', 'first'],
        ['ADD', 'second'],
      ],
    )
    assert.equal(configOf(calls[0]).get('prevResult'), undefined)
    assert.deepEqual(configOf(calls[1]).get('prevResult'), { cniVersion: '1.0.0', by: 'first' })
    assert.equal(attachment.result['by'], 'second')
    assert.equal(attachment.added, true)
  })

  it('stops at the first failure', async () => {
    const { calls, attachment } = setUp('first')
    const reply = await attachment.add()
    assert.equal(reply.error()?.code, 7)
    assert.equal(calls.length, 1)
    assert.equal(attachment.added, false)
  })

  it('deletes backwards, goes on after a failure and tells it', async () => {
    const { calls, attachment } = setUp('second')
    const reply = await attachment.del()
    assert.deepEqual(
      calls.map(({ type }) => type),
      ['second', 'first'],
    )
    assert.equal(reply.succeeded, false)
    assert.equal(attachment.deleted, false)
  })

  it('passes the last result to DEL, unless it is forgotten', async () => {
    const { calls, attachment } = setUp()
    await attachment.add()
    await attachment.del()
    assert.equal(configOf(calls[2]).has('prevResult'), true)
    attachment.forgetResult()
    await attachment.del()
    assert.equal(configOf(calls[4]).has('prevResult'), false)
  })
})

describe('deriveConfig', () => {
  it('passes declared capabilities only', () => {
    const [first, second] = NETWORK.plugins
    assert.ok(first !== undefined && second !== undefined)
    const capabilityArgs = { portMappings: [1], mac: 'x' }
    assert.equal(deriveConfig(NETWORK, first, { capabilityArgs })['runtimeConfig'], undefined)
    assert.deepEqual(deriveConfig(NETWORK, second, { capabilityArgs })['runtimeConfig'], {
      portMappings: [1],
    })
  })
})
