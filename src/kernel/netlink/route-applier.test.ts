import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NetlinkClient, Request } from '../../netlink/index.ts'
import type { DeviceLink, LinkEntry } from '../entry.ts'
import type { Operation } from '../operation.ts'
import { LinkTable } from './link-table.ts'
import type { Failure } from './refusals.ts'
import { RouteApplier } from './route-applier.ts'

const born: DeviceLink = {
  kind: 'link',
  type: 'device',
  name: 'eth0',
  claim: 'use',
  owner: 'test',
  mac: '02:00:00:00:00:01',
  mtu: 1400,
}

/** What is asked of a kernel that takes everything, in words. */
async function askedFor(links: LinkTable, ...operations: readonly Operation[]): Promise<readonly string[]> {
  const asked: string[] = []
  const send = async (requests: readonly Request[]) => {
    asked.push(...requests.map(({ what }) => what))
    return requests.map(() => ({ ok: true, messages: [] }))
  }
  const failures = new Map<Operation, Failure>()
  const applier = new RouteApplier({
    // Nothing else of it is used.
    client: { send } as unknown as NetlinkClient,
    links,
    readyKinds: new Set(['ifb']),
    home: 3,
    context: undefined,
    openTun: () => assert.fail('nothing here is a TUN device'),
    failures,
    catchUp: async () => undefined,
  })
  await applier.prepare(operations)
  for (const operation of operations) await applier.add(operation, true)
  await applier.flush()
  assert.equal(failures.size, 0)
  return asked
}

const use = (entry: LinkEntry): Operation => ({ op: 'change', entry, why: 'differs' })

test('a link that was made a moment ago is not told what it was made as', async () => {
  const links = new LinkTable()
  links.know(born, 7)
  assert.deepEqual(await askedFor(links, use({ ...born, up: true })), ['set link eth0 up'])
  const other = { ...born, mac: '02:00:00:00:00:02', up: true }
  assert.deepEqual(await askedFor(links, use(other)), ['set link eth0 mac', 'set link eth0 up'])
})

test('once links were looked at, what it was made as is the past', async () => {
  const links = new LinkTable()
  links.know(born, 7)
  links.reset([{ index: 7, name: 'eth0', hardwareType: 1, flags: 0, up: false, mtu: 1500 }])
  assert.deepEqual(await askedFor(links, use({ ...born, up: true })), [
    'set link eth0 mtu, mac',
    'set link eth0 up',
  ])
})

test('a new link is marked before anything is said that may be refused', async () => {
  const links = new LinkTable()
  const shaper: LinkEntry = {
    kind: 'link',
    type: 'ifb',
    name: 'ifb7',
    claim: 'own',
    owner: 'test',
    addrGenMode: 'none',
    up: true,
  }
  assert.deepEqual(await askedFor(links, { op: 'create', entry: shaper, why: 'missing' }), [
    'add link ifb7 type ifb',
    'set link ifb7 alias',
    'set link ifb7 addrGenMode',
    'set link ifb7 up',
  ])
})
