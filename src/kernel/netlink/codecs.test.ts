import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeAddress,
  decodeFdb,
  decodeFilter,
  decodeNeighbour,
  decodeQdisc,
  decodeRoute,
  decodeRule,
  type Link,
  type Request,
  TC_H_INGRESS_FILTERS,
  TC_H_ROOT,
} from '../../netlink/index.ts'
import type { Entry } from '../entry.ts'
import { rulesOf } from '../kinds/index.ts'
import type { ObservedEntry, Operation } from '../operation.ts'
import { addressRequests, observedAddress } from './codecs/address.ts'
import { fdbRequests, observedFdb } from './codecs/fdb.ts'
import { neighbourRequests, observedNeighbour } from './codecs/neighbour.ts'
import { createTableRequests } from './codecs/nft-table.ts'
import { observedQdisc, qdiscRequests } from './codecs/qdisc.ts'
import { observedRedirect, redirectRequests } from './codecs/redirect.ts'
import { observedRoute, routeRequests } from './codecs/route.ts'
import { observedRule, ruleRequests } from './codecs/rule.ts'
import { LinkTable } from './link-table.ts'

const links = new LinkTable()
links.set({ index: 7, name: 'vx1', hardwareType: 1, flags: 1, up: true, mtu: 1450 } satisfies Link)

const host = fc.oneof(
  fc.nat(0xffff).map(n => `10.${n >> 8}.${n & 255}.1`),
  fc.nat(0xfffe).map(n => `fd00::${(n + 1).toString(16)}`),
)
const mac = fc.nat(255).map(n => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`)

function message({ type, flags, body }: Request) {
  return { type, flags, body, sequence: 1, portId: 0 }
}

/** What is sent for an entry is read back as that entry, with our mark if its kind bears one. */
function holds(entry: Entry, [request]: readonly Request[], read: (r: Request) => ObservedEntry | undefined) {
  assert.ok(request !== undefined)
  const observed = read(request)
  assert.ok(observed !== undefined, request.what)
  assert.ok(rulesOf(entry).equals(entry, observed), request.what)
  assert.equal(observed.mark, entry.kind === 'fdb' ? 'foreign' : 'ours')
}

const create = (entry: Entry): Operation => ({ op: 'create', entry, why: 'missing' })

test('routes', () => {
  const arbitrary = fc.record({
    gateway: fc.option(host, { nil: undefined }),
    onlink: fc.boolean(),
    metric: fc.nat(5000),
    table: fc.constantFrom(100, 254, 70_000),
    mtu: fc.option(fc.integer({ min: 68, max: 9000 }), { nil: undefined }),
    advmss: fc.option(fc.integer({ min: 1, max: 9000 }), { nil: undefined }),
    scope: fc.option(fc.constantFrom('universe' as const, 'site' as const), { nil: undefined }),
  })
  fc.assert(
    fc.property(arbitrary, ({ gateway, mtu, advmss, scope, ...rest }) => {
      const six = gateway?.includes(':') === true
      const entry = {
        kind: 'route',
        dst: six ? 'fd01::/64' : '10.9.0.0/16',
        link: 'vx1',
        ...rest,
        ...(gateway === undefined ? {} : { gateway }),
        ...(mtu === undefined ? {} : { mtu }),
        ...(advmss === undefined ? {} : { advmss }),
        ...(scope === undefined ? {} : { scope }),
      } as const
      holds(entry, routeRequests(create(entry), entry, 7), request =>
        observedRoute(decodeRoute(message(request)), links),
      )
    }),
  )
})

test('addresses, neighbours, forwarding entries and rules', () => {
  fc.assert(
    fc.property(host, mac, fc.boolean(), (address, mac, noPrefixRoute) => {
      // The kernel adds IFA_F_PERMANENT itself.
      const own = { kind: 'address', link: 'vx1', address: `${address}/32`, noPrefixRoute } as const
      holds(own, addressRequests(create(own), own, 7), request => {
        const decoded = decodeAddress(message(request))
        return observedAddress({ ...decoded, flags: decoded.flags | 0x80 }, links)
      })
      const neighbour = { kind: 'neighbour', link: 'vx1', address, mac } as const
      holds(neighbour, neighbourRequests(create(neighbour), neighbour, 7), request =>
        observedNeighbour(decodeNeighbour(message(request)), links),
      )
      const fdb = { kind: 'fdb', link: 'vx1', mac, dst: address } as const
      holds(fdb, fdbRequests(create(fdb), fdb, 7), request => observedFdb(decodeFdb(message(request)), links))
      const family = address.includes(':') ? 6 : 4
      const src = family === 6 ? 'fd00::/16' : '10.0.0.0/8'
      const rule = {
        kind: 'rule',
        family,
        priority: 5,
        src,
        table: 100,
        fwmark: { value: 1, mask: 3 },
      } as const
      holds(rule, ruleRequests(create(rule), rule), request => observedRule(decodeRule(message(request))))
    }),
  )
})

test('what is needless is forgiven where something is made, and not where it is taken away', () => {
  const redirect = { kind: 'redirect', link: 'vx1', to: 'vx1' } as const
  const [ingress, removal] = redirectRequests(create(redirect), 7, 7)
  const [EPERM, ENOENT, EINVAL] = [1, 2, 22]
  assert.deepEqual([ingress?.forgives?.(EINVAL), ingress?.forgives?.(EPERM)], [true, false])
  assert.equal(removal?.forgives?.(ENOENT), true)
  const [deletion] = redirectRequests({ op: 'delete', entry: redirect, why: 'stale' }, 7, 7)
  assert.ok(deletion !== undefined && deletion.forgives === undefined)
})

test('qdiscs and redirects', () => {
  const bucket = fc.record({
    rateBps: fc.integer({ min: 8, max: 1e12 }),
    burstBytes: fc.integer({ min: 1, max: 0xffff_ffff }),
    limitBytes: fc.integer({ min: 1, max: 0xffff_ffff }),
  })
  fc.assert(
    fc.property(bucket, rates => {
      const entry = { kind: 'qdisc', link: 'vx1', qdisc: { type: 'tbf', ...rates } } as const
      holds(entry, qdiscRequests(create(entry), entry, 7), request =>
        observedQdisc(decodeQdisc(message(request)), links),
      )
    }),
  )
  const entry = { kind: 'redirect', link: 'vx1', to: 'vx1' } as const
  holds(entry, redirectRequests(create(entry), 7, 7).slice(-1), request =>
    observedRedirect(decodeFilter(message(request)), links),
  )
})

test('of traffic control only what others put at the root of a link, or we anywhere, is seen', () => {
  const qdisc = { linkIndex: 7, handle: 0x8001_0000, parent: TC_H_ROOT, kind: 'pfifo' }
  const other = { kind: 'qdisc', link: 'vx1', qdisc: { type: 'other', name: 'pfifo' } }
  assert.deepEqual(observedQdisc(qdisc, links), { entry: other, mark: 'foreign' })
  for (const unseen of [{ handle: 0 }, { parent: 0x1_0001 }, { linkIndex: 8 }]) {
    assert.equal(observedQdisc({ ...qdisc, ...unseen }, links), undefined)
  }
  const filter = { linkIndex: 7, parent: TC_H_INGRESS_FILTERS, priority: 113, redirectIndex: 7 }
  assert.equal(observedRedirect(filter, links)?.mark, 'ours')
  for (const unseen of [{ priority: 1 }, { parent: 0xffff_fff3 }, { redirectIndex: 0 }]) {
    assert.equal(observedRedirect({ ...filter, ...unseen }, links), undefined)
  }
})

test('a rule comment that is too long loses its end, never its digest', () => {
  const comment = 'ä'.repeat(200)
  const requests = createTableRequests({
    kind: 'nft-table',
    family: 'ip',
    name: 't',
    sets: [],
    chains: [{ name: 'c', rules: [{ comment, match: [], verdict: { do: 'accept' } }] }],
  })
  assert.match(requests.at(-1)?.what ?? '', /ää #[0-9a-f]{8}"/)
})
