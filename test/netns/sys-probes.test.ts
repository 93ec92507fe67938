/** What ICMP says of datagrams that a router between two namespaces cannot pass on whole. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ErrorQueueSocket, type IcmpError, Netns } from '../../src/sys/index.ts'
import { eventually, ip } from './agent-nodes.ts'

/** Two, and the router between them, whose way to the second is narrow. */
const spaces: Netns[] = []

before(() => {
  const [one, router, two] = [Netns.create(), Netns.create(), Netns.create()]
  spaces.push(one, router, two)
  router.writeSysctl('ipv4/conf/all/forwarding', '1')
  router.writeSysctl('ipv6/conf/all/forwarding', '1')
  for (const [netns, n] of [
    [one, 1],
    [two, 2],
  ] as const) {
    ip(router, `link add r${n} type veth peer name eth0 netns /proc/${process.pid}/fd/${netns.fds.netns}`)
    ip(router, `link set r${n} up mtu ${n === 2 ? 1400 : 1500}`)
    ip(router, `address add 192.0.2.${n * 16 + 1}/28 dev r${n}`)
    ip(router, `-6 address add fd0${n}::1/64 dev r${n} nodad`)
    ip(netns, 'link set eth0 up')
    ip(netns, `address add 192.0.2.${n * 16 + 2}/28 dev eth0`)
    ip(netns, `-6 address add fd0${n}::2/64 dev eth0 nodad`)
    ip(netns, `route add default via 192.0.2.${n * 16 + 1}`)
    ip(netns, `-6 route add default via fd0${n}::1`)
  }
})

after(() => {
  for (const netns of spaces) netns.close()
})

const WAYS = [
  { family: 4, target: '192.0.2.34', router: '192.0.2.17', tooBig: [3, 4], closed: [3, 3] },
  { family: 6, target: 'fd02::2', router: 'fd01::1', tooBig: [2, 0], closed: [1, 4] },
] as const

for (const { family, target, router, tooBig, closed } of WAYS) {
  test(`IPv${family}: small ones are answered, large ones sent back with the size that fits`, async () => {
    const heard: IcmpError[] = []
    const [one] = spaces
    const socket = new ErrorQueueSocket(family, error => heard.push(error), one)
    /** Until a datagram of that many bytes is answered: the first ones may go before links and neighbours are there. */
    const told = (bytes: number) =>
      eventually(`an answer to ${bytes} bytes`, () => {
        assert.equal(socket.send(new Uint8Array(bytes), target, 64_999), undefined)
        return heard.find(
          ({ quoted, offender, mtu }) => quoted.length > 0 && (bytes > 100 ? mtu > 0 : offender === target),
        )
      })
    try {
      const small = await told(8)
      assert.deepEqual([small.type, small.code, small.mtu], [...closed, 0])
      for (const _ of ['the first', 'and with the path known to be narrow']) {
        heard.length = 0
        const large = await told(1_430)
        assert.deepEqual([large.type, large.code, large.mtu], [...tooBig, 1_400])
        assert.deepEqual([large.offender, large.address, large.port], [router, target, 64_999])
      }
    } finally {
      socket.close()
    }
  })
}
