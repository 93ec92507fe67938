/** Deleting links: done when the link is gone, which is before the kernel has finished with it. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import type { ApplyContext, LinkEntry, Operation, Outcome } from '../../src/kernel/index.ts'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { run } from './kernel-harness.ts'

let netns: Netns
let pod: Netns
let kernel: NetlinkKernel

beforeEach(() => {
  netns = Netns.create()
  pod = Netns.create()
  kernel = watching(netns)
})

afterEach(() => {
  kernel.close()
  netns.close()
  pod.close()
})

function watching(namespace: Netns): NetlinkKernel {
  return new NetlinkKernel({
    netns: namespace,
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(namespace, protocol, groups, options),
  })
}

const veth = (name: string, mac?: string): LinkEntry => ({
  kind: 'link',
  type: 'veth',
  name,
  claim: 'own',
  owner: 'test',
  peer: { name: `p${name}`, netns: 'pod' },
  ...(mac === undefined ? {} : { mac }),
})

function apply(op: 'create' | 'delete', entries: readonly LinkEntry[]): Promise<readonly Outcome[]> {
  const context: ApplyContext = { namespaces: new Map([['pod', pod]]) }
  const why = op === 'create' ? 'missing' : 'stale'
  const operations = entries.map((entry): Operation => ({ op, entry, before: entry, why }))
  return kernel.apply(operations, context)
}

const succeeded = (outcomes: readonly Outcome[]) => outcomes.every(({ error }) => error === undefined)
const descriptors = () => readdirSync('/proc/self/fd').length
const linksOf = (namespace: Netns) =>
  run(namespace, ['ip', '-brief', 'link'])
    .split('\n')
    .map(line => line.split(/[\s@]/)[0])
    .sort()

test('both ends are gone when it is done, and the name is free at once, many times in a row', async () => {
  for (let round = 0; round < 30; round += 1) {
    const link = veth('v0', `02:00:00:00:00:${String(round).padStart(2, '0')}`)
    assert.ok(succeeded(await apply('create', [link])), `round ${round}`)
    assert.ok(succeeded(await apply('delete', [link])), `round ${round}`)
  }
  assert.deepEqual(linksOf(netns), ['', 'lo'])
  assert.deepEqual(linksOf(pod), ['', 'lo'])
})

test('many at once, one of which somebody else deleted already', async () => {
  const links = Array.from({ length: 20 }, (_, n) => veth(`v${n}`))
  assert.ok(succeeded(await apply('create', links)))
  run(netns, ['ip', 'link', 'delete', 'v7'])
  assert.ok(succeeded(await apply('delete', links)))
  assert.deepEqual(linksOf(netns), ['', 'lo'])
})

test('what the kernel refuses to delete is told, and the others go all the same', async () => {
  await kernel.observe()
  const lo: LinkEntry = { kind: 'link', type: 'device', name: 'lo', claim: 'use', owner: '' }
  const link = veth('v0')
  assert.ok(succeeded(await apply('create', [link])))
  const [refused] = await apply('delete', [lo])
  assert.match(refused?.error?.message ?? '', /^delete link lo: /)
  const both = await apply('delete', [lo, link])
  assert.deepEqual(
    both.map(({ error }) => error === undefined),
    [false, true],
  )
  assert.deepEqual(linksOf(netns), ['', 'lo'])
})

test('a namespace that is closed while the kernel still answers leaves no descriptor', async () => {
  const before = descriptors()
  for (let round = 0; round < 5; round += 1) {
    const own = Netns.create()
    const closing = watching(own)
    const context = { namespaces: new Map([['pod', pod]]) }
    const entry = veth('v0')
    await closing.apply([{ op: 'create', entry, why: 'missing' }], context)
    await closing.apply([{ op: 'delete', entry, before: entry, why: 'stale' }], context)
    closing.close()
    own.close()
  }
  const deadline = performance.now() + 10_000
  while (descriptors() > before && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`)
})
