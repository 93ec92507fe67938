import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PortMapping, parsePortmapConfig } from '../../attach/index.ts'
import { LiveRecords } from './live-records.ts'
import type { AttachmentRecord } from './record.ts'

const mapping = (hostPort: number, protocol: PortMapping['protocol'] = 'tcp'): PortMapping => ({
  hostPort,
  containerPort: 80,
  protocol,
})

function portmap(containerId: string, ...portMappings: readonly PortMapping[]): AttachmentRecord {
  const config = parsePortmapConfig({ runtimeConfig: { portMappings } })
  const prevResult = { interfaces: [], ips: [], routes: [], dns: {} }
  const spec = { network: 'pods', containerId, ifName: 'eth0', prevResult, config }
  return { type: 'portmap', netnsCookie: '1', wiring: { plan: 'portmap', spec } }
}

const own = { containerId: 'own', ifName: 'eth0' }
const owners = (live: LiveRecords, ...ports: readonly number[]) => {
  const claims = live.portClaims(
    own,
    ports.map(port => mapping(port)),
  )
  return [...new Set(claims.map(({ owner }) => owner))]
}

test('a port has the claims of all others that name it, until their records go', () => {
  const live = new LiveRecords()
  const [a, b] = [portmap('a', mapping(80), mapping(443)), portmap('b', mapping(80, 'udp'))]
  live.replace(undefined, a)
  live.replace(undefined, b)
  live.replace(undefined, portmap('own', mapping(80)))
  assert.deepEqual(owners(live, 80), ['container a eth0', 'container b eth0'])
  assert.deepEqual(owners(live, 443, 22), ['container a eth0'])
  live.replace(a, undefined)
  assert.deepEqual(owners(live, 80, 443), ['container b eth0'])
})

test('a record that takes the place of another has its own ports only', () => {
  const live = new LiveRecords()
  const [before, after] = [portmap('a', mapping(80)), portmap('a', mapping(81))]
  live.replace(undefined, before)
  live.replace(before, after)
  assert.deepEqual(owners(live, 80), [])
  assert.deepEqual(owners(live, 81), ['container a eth0'])
})

test('one port for two protocols goes with its record', () => {
  const live = new LiveRecords()
  const both = portmap('a', mapping(53), mapping(53, 'udp'))
  live.replace(undefined, both)
  assert.deepEqual(owners(live, 53), ['container a eth0'])
  live.replace(both, undefined)
  assert.deepEqual(owners(live, 53), [])
})

test('a network is in use until its last record goes', () => {
  const live = new LiveRecords()
  const [a, b] = [portmap('a'), portmap('b')]
  assert.equal(live.hasNetwork('pods'), false)
  live.replace(undefined, a)
  live.replace(undefined, b)
  live.replace(a, undefined)
  assert.equal(live.hasNetwork('pods'), true)
  live.replace(b, undefined)
  assert.equal(live.hasNetwork('pods'), false)
})
