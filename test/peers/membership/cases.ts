import assert from 'node:assert/strict'
import type { MeetingNode } from './meeting-node.ts'
import { address6Of, addressOf, flannelBlock, flannelBlock6, flannelMac, flannelMac6 } from './names.ts'
import type { Place } from './place.ts'
import { type Case, flannelWay, joined, sees, settled, until } from './suite.ts'

/** What the membership of nodes is, wherever they meet. */
export const EVERYWHERE: readonly Case<Place>[] = [
  {
    what: 'come at one moment, get a block each, and each is known to all others, one of flannel too',
    async run(place) {
      const nodes = await joined(place, 3)
      await place.flannel(9)
      assert.equal(new Set(nodes.map(({ block }) => block)).size, 3)
      await settled(place, nodes, { flannels: [9] })
    },
  },
  {
    what: 'write what flannel would have written, to the byte, and leave alone what it has',
    async run(place) {
      const [one] = await joined(place, 1)
      assert.ok(one)
      await place.flannel(9)
      await sees(place, one, { [flannelBlock(9)]: flannelWay(9) })
      assert.deepEqual(
        await place.written(one.block),
        place.flannelsWords({ address: one.address, mac: one.mac }),
      )
      assert.deepEqual(
        await place.written(flannelBlock(9)),
        place.flannelsWords({ address: addressOf(9), mac: flannelMac(9) }),
      )
    },
  },
  {
    what: 'write and read both families to the byte, and follow a change of the second one alone',
    isDual: true,
    async run(place) {
      const [one, two] = await joined(place, 2)
      assert.ok(one && two)
      await place.flannel(9)
      const [block = '', block6 = ''] = two.block.split(' ')
      const others = {
        [block]: two.way(),
        [block6]: way6(two.both.six.address, two.both.six.mac),
        [flannelBlock(9)]: flannelWay(9),
      }
      const flannels = { address: addressOf(9), mac: flannelMac(9) }
      for (const mac of [flannelMac6(9), '02:f6:00:00:00:99']) {
        await place.flannel(9, { mac6: mac })
        await sees(place, one, { ...others, [flannelBlock6(9)]: way6(address6Of(9), mac) })
        const six = { address: address6Of(9), mac }
        const written = await place.written(`${flannelBlock(9)} ${flannelBlock6(9)}`)
        assert.deepEqual(written, place.flannelsWords({ ...flannels, six }))
      }
      assert.deepEqual(await place.written(one.block), place.flannelsWords(one.both))
    },
  },
  {
    what: 'find a node where it is now, and do nothing about others when it changes',
    async run(place) {
      const [one, two] = await joined(place, 2)
      assert.ok(one && two)
      await place.flannel(9)
      await settled(place, [one, two], { flannels: [9] })
      const before = one.changes.length
      await place.flannel(9, { mac: '02:f1:00:00:00:99' })
      const moved = { [flannelBlock(9)]: flannelWay(9, '02:f1:00:00:00:99') }
      await sees(place, one, { [two.block]: two.way(), ...moved })
      await sees(place, two, { [one.block]: one.way(), ...moved })
      assert.deepEqual(about(one.changes.slice(before), two.address, two.mac), [])
    },
  },
  {
    what: 'forget who left, and nobody else',
    async run(place) {
      const [one, two, three] = await joined(place, 3)
      assert.ok(one && two && three)
      await place.flannel(9)
      await settled(place, [one, two, three], { flannels: [9] })
      const before = one.changes.length
      await two.stop()
      await place.remove(2)
      await place.remove(9)
      await settled(place, [one, three])
      assert.equal(one.changes.length - before, 6, one.changes.join('\n'))
      assert.ok(one.changes.slice(before).every(change => change.startsWith('delete ')))
    },
  },
  {
    what: 'have their blocks still when they start again, and others need to do nothing',
    async run(place) {
      const [one, two] = await joined(place, 2)
      assert.ok(one && two)
      await settled(place, [one, two])
      const { block } = two
      const before = one.changes.length
      await two.restart()
      await until(place, 'it is ready again', () => two.isReady)
      await settled(place, [one, two])
      assert.equal(two.block, block)
      // What it tells last is heard by then.
      await place.flannel(9)
      await settled(place, [one, two], { flannels: [9] })
      assert.equal(one.changes.length - before, 3, one.changes.join('\n'))
    },
  },
  {
    what: 'keep everything while the store is away, take pods, and go on when it is back',
    async run(place) {
      const [one, two] = await joined(place, 2)
      assert.ok(one && two)
      await place.flannel(9)
      await settled(place, [one, two], { flannels: [9] })
      const before = one.changes.length
      await place.kill()
      await until(place, 'both notice', () => !one.bench.agent.connected && !two.bench.agent.connected)
      assert.equal((await one.bench.add('a')).error, undefined)
      await place.revive()
      await place.flannel(8)
      await place.remove(9)
      // What happened since is forgotten: only a list can tell.
      await place.compact()
      await settled(place, [one, two], { flannels: [8] })
      assert.equal(one.changes.length - before, 6, one.changes.join('\n'))
    },
  },
  ...[false, true].map((forgets): Case<Place> => {
    const what = 'miss nothing while they are cut off, and do nothing twice'
    return {
      what: forgets ? `${what}, also if the store forgets what was` : what,
      run: place => cutOff(place, forgets),
    }
  }),
  {
    what: 'agree on who has a block that two claim, and lead nowhere else',
    async run(place) {
      const [one, two, three] = await joined(place, 3)
      assert.ok(one && two && three)
      await settled(place, [one, two, three])
      const contested = two.block
      await place.flannelTakes(9, contested)
      // Who knows what was written after it has heard of it.
      await place.flannel(8)
      const all = [one, two, three]
      await until(place, 'all have heard', () =>
        all.every(node => node.ways()[flannelBlock(8)] !== undefined),
      )
      const owner = (node: MeetingNode) => node.ways()[contested]
      // Where the newcomer has it now, the node of ours gets another one.
      const hasMoved = () => two.block !== contested
      const winner = () => (hasMoved() ? flannelWay(9) : two.way())
      const agree = () => owner(one) === winner() && owner(three) === winner()
      await until(place, 'both agree', () => two.isReady && two.block !== '' && agree())
      const rest = {
        [contested]: winner(),
        [flannelBlock(8)]: flannelWay(8),
        ...(hasMoved() ? { [two.block]: two.way() } : {}),
      }
      await sees(place, one, { [three.block]: three.way(), ...rest })
      await sees(place, three, { [one.block]: one.way(), ...rest })
      // Nobody sends packets for its own block away.
      assert.equal(owner(two), hasMoved() ? flannelWay(9) : undefined)
    },
  },
  {
    what: 'are not hurt by the garbage that another one writes, and know it again when it is right',
    async run(place) {
      const [one, two] = await joined(place, 2)
      assert.ok(one && two)
      await settled(place, [one, two])
      const before = one.changes.length
      for (let which = 0; which < place.scribbles; which += 1) {
        await place.scribble(9, which)
        // What came after it is there, and so it has been read.
        await place.flannel(20 + which)
        const block = flannelBlock(20 + which)
        await until(place, 'a good one is there', () => one.ways()[block] === flannelWay(20 + which))
        assert.equal(one.ways()[two.block], two.way())
        assert.ok(one.isReady)
      }
      assert.deepEqual(about(one.changes.slice(before), two.address, two.mac), [])
      await place.flannel(9)
      const others = Array.from({ length: place.scribbles }, (_, which) => 20 + which)
      await settled(place, [one, two], { flannels: [9, ...others] })
    },
  },
]

/** One node hears of nothing, while others come, change and go. */
async function cutOff(place: Place, forgets: boolean): Promise<void> {
  const [one, two] = await joined(place, 2)
  assert.ok(one && two)
  for (const n of [7, 8, 9]) await place.flannel(n)
  await settled(place, [one, two], { flannels: [7, 8, 9] })
  const before = one.changes.length
  one.wire.cut()
  await until(place, 'it notices', () => !one.bench.agent.connected)
  const three = await place.join(3)
  await until(place, 'the third is ready', () => three.isReady)
  await place.flannel(7, { mac: '02:f1:00:00:00:77' })
  await place.remove(8)
  // Twice something else, and in the end what it was.
  await place.flannel(9, { mac: '02:f1:00:00:00:99' })
  await place.flannel(9)
  const rest = {
    [flannelBlock(7)]: flannelWay(7, '02:f1:00:00:00:77'),
    [flannelBlock(9)]: flannelWay(9),
  }
  await sees(place, two, { [one.block]: one.way(), [three.block]: three.way(), ...rest })
  assert.equal(one.changes.length, before)
  if (forgets) await place.compact()
  one.wire.heal()
  await sees(place, one, { [two.block]: two.way(), [three.block]: three.way(), ...rest })
  const changes = one.changes.slice(before)
  assert.deepEqual(about(changes, two.address, two.mac), [])
  assert.equal(about(changes, three.address, three.mac, three.block).length, 3, changes.join('\n'))
  assert.equal(about(changes, flannelMac(8), flannelBlock(8)).length, 3, changes.join('\n'))
}

function way6(address: string, mac: string): string {
  return `${address} ${mac} flannel-v6.1`
}

function about(changes: readonly string[], ...words: readonly string[]): readonly string[] {
  return changes.filter(change => change.split(' ').some(word => words.includes(word)))
}
