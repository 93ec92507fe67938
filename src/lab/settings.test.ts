import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { checkMemberName, checkName, checkSettings, DEFAULT_SETTINGS, type LabSettings } from './settings.ts'

const refused = (settings: Partial<LabSettings>, message: RegExp) =>
  assert.throws(
    () => checkSettings(settings),
    error => hasCode(error, 'lab.bad-setting') && message.test(error.message),
  )

describe('checkSettings', () => {
  it('fills in the defaults', () => assert.deepEqual(checkSettings({}), DEFAULT_SETTINGS))

  it('refuses counts that make no sense', () => {
    refused({ nodes: 0 }, /from 1 to 200/)
    refused({ nodes: 201 }, /from 1 to 200/)
    refused({ podsPerNode: -1 }, /from 0 to 250/)
    refused({ podsPerNode: 1.5 }, /from 0 to 250/)
    refused({ segments: 3 }, /from 1 to 2/)
  })

  it('refuses a runtime that it does not know', () => {
    refused({ runtime: 'docker' as LabSettings['runtime'] }, /expected namespace or containerd/)
  })

  it('refuses host-gw across a router', () => {
    refused({ backend: 'host-gw', segments: 2 }, /layer-2/)
  })

  it('refuses direct routing where everything is routed directly', () => {
    refused({ backend: 'host-gw', directRouting: true }, /routes directly anyway/)
    refused({ backend: 'udp', directRouting: true }, /encapsulates whatever/)
    assert.equal(checkSettings({ backend: 'ipip', directRouting: true }).directRouting, true)
  })

  it('refuses networks that are none, too small, or in use', () => {
    refused({ network: 'ten' }, /such as 10\.244\.0\.0\/16/)
    refused({ network: '10.244.1.0/16' }, /such as/)
    refused({ network: 'fd00::/48' }, /IPv4/)
    refused({ network: '10.0.0.0/23' }, /1 blocks of \/24 besides the first.* 3 in all/)
    refused({ network: '10.0.0.0/25' }, /0 blocks/)
    refused({ network: '127.0.0.0/8' }, /is loopback .*take another/)
    refused({ network: '224.0.0.0/4' }, /is multicast/)
    refused({ network: '192.168.0.0/16' }, /overlaps the underlay 192\.168\.77\.0\/24/)
    refused({ network: '10.0.0.0/22', nodes: 4 }, /3 blocks/)
    assert.equal(checkSettings({ network: '10.0.0.0/22' }).network, '10.0.0.0/22')
  })
})

describe('names', () => {
  it('of labs are fit for a directory', () => {
    for (const name of ['x', 'two-words', 'a'.repeat(30)]) assert.equal(checkName(name), name)
    for (const name of ['', '.', '..', 'a/b', 'A', '-a', 'a-', 'a'.repeat(31)])
      assert.throws(() => checkName(name), /expected 1 to 30/)
  })

  it('of nodes and pods are DNS labels', () => {
    assert.equal(checkMemberName('pod', 'web-1'), 'web-1')
    for (const name of ['', 'a.b', 'Web', '../x', 'a'.repeat(64)])
      assert.throws(() => checkMemberName('pod', name), /DNS label/)
  })
})
