import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetlinkClient } from '../../netlink/index.ts'
import type { NetlinkTransport } from '../../sys/index.ts'
import type { LinkEntry } from '../entry.ts'
import { createLink } from './link-creation.ts'
import { LinkTable } from './link-table.ts'

const NLMSG_ERROR = 2
/** Of `ifi_index` in a message about a link: behind the header, family, padding and type. */
const INDEX_OFFSET = 16 + 4

/** A kernel that makes any link, or refuses with `errno`, and is asked for one at a time. */
class FakeLinks implements NetlinkTransport {
  readonly asked: ('at once' | 'in a thread')[] = []
  errno = 0
  /** Shows what it made, with this index. */
  shownIndex: number | undefined
  /** Called before it answers. */
  meanwhile = () => {}

  exchange(request: Uint8Array): Uint8Array[] {
    this.asked.push('at once')
    return this.answer(Buffer.from(request))
  }

  async exchangeInThread(request: Uint8Array): Promise<Uint8Array[]> {
    this.asked.push('in a thread')
    return this.answer(Buffer.from(request))
  }

  exchangeAside(): never {
    throw new Error('nothing is deleted here')
  }

  close(): void {}

  private answer(link: Buffer): Uint8Array[] {
    this.meanwhile()
    const end = Buffer.alloc(36)
    end.writeUInt32LE(end.length, 0)
    end.writeUInt16LE(NLMSG_ERROR, 4)
    link.copy(end, 8, 8, 12)
    end.writeInt32LE(-this.errno, 16)
    if (this.shownIndex === undefined) return [end]
    link.writeInt32LE(this.shownIndex, INDEX_OFFSET)
    return [link, end]
  }
}

function creation() {
  const transport = new FakeLinks()
  const links = new LinkTable()
  const options = {
    client: new NetlinkClient(transport),
    links,
    readyKinds: new Set<string>(),
    home: 3,
    context: undefined,
    openTun: () => assert.fail('an ifb is no TUN device'),
  }
  const create = (name: string) => {
    const link: LinkEntry = { kind: 'link', type: 'ifb', name, claim: 'own', owner: 'test' }
    return createLink(options, { op: 'create', entry: link, why: 'missing' }, link, false)
  }
  return { transport, links, create }
}

test('a link that was made is known by the answer', async () => {
  const { transport, links, create } = creation()
  transport.shownIndex = 7
  assert.equal(await create('ifb7'), undefined)
  assert.equal(links.indexOf('ifb7'), 7)
  assert.equal(links.get(7)?.name, 'ifb7')
})

test('what events tell of the link before the answer comes is newer', async () => {
  const { transport, links, create } = creation()
  transport.shownIndex = 7
  const told = { index: 7, name: 'ifb7', hardwareType: 1, flags: 1, up: true, mtu: 1500, masterIndex: 2 }
  transport.meanwhile = () => void links.set(told)
  assert.equal(await create('ifb7'), undefined)
  assert.equal(links.get(7), told)
})

test('a kernel that shows nothing leaves the index to be looked up', async () => {
  const { links, create } = creation()
  assert.equal(await create('ifb7'), undefined)
  assert.equal(links.indexOf('ifb7'), undefined)
})

test('it takes a thread only while the kernel may have to load a module for a kind of link', async () => {
  const { transport, create } = creation()
  transport.errno = 95
  assert.equal((await create('ifb1'))?.code, 'kernel.unsupported')
  transport.errno = 0
  for (const name of ['ifb1', 'ifb2', 'ifb3']) assert.equal(await create(name), undefined)
  assert.deepEqual(transport.asked, ['in a thread', 'in a thread', 'at once', 'at once'])
})
