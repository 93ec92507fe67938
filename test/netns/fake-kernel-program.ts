import { errnoName, PodlaceError } from '../../src/base/index.ts'
import type { Entry, ForeignAct } from '../../src/kernel/index.ts'
import {
  addLink,
  decodeLink,
  deleteLink,
  getLink,
  type Link,
  NetlinkClient,
  nft,
  type Request,
  setLink,
} from '../../src/netlink/index.ts'
import { Netns } from '../../src/sys/index.ts'
import { flushRequests } from './fake-kernel-flush.ts'
import { isNft, nftAddition, nftRemoval } from './fake-kernel-nft.ts'
import { addition, removal, secondSpec } from './fake-kernel-requests.ts'

type Act<K extends ForeignAct['act']> = Extract<ForeignAct, { act: K }>

/** What went with something else that was flushed. */
const GONE: ReadonlySet<string | undefined> = new Set(['ESRCH', 'ENOENT', 'EADDRNOTAVAIL'])

/** Another program in a real namespace, with sockets of its own: what `performForeign` is for a fake one. */
export class RealProgram implements Disposable {
  private readonly netns: Netns
  private readonly route: NetlinkClient
  private readonly netfilter: NetlinkClient
  private readonly indexOf = async (name: string) => (await this.link(name)).index

  constructor(netns: Netns) {
    this.netns = Netns.open(`/proc/self/fd/${netns.fds.netns}`)
    this.route = new NetlinkClient(this.netns.route)
    this.netfilter = new NetlinkClient(this.netns.netfilter)
  }

  /** Returns the errno with which the kernel refuses, if it does. */
  async perform(act: ForeignAct): Promise<string | undefined> {
    try {
      await this.carryOut(act)
      return undefined
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === undefined) throw error
      return errno
    }
  }

  [Symbol.dispose](): void {
    this.netns.close()
  }

  private async carryOut(act: ForeignAct): Promise<void> {
    switch (act.act) {
      case 'add':
        return this.add(act.entry, act.over ?? false)
      case 'remove':
        return this.remove(act.entry)
      case 'set-link':
        return this.setLink(act)
      case 'rename':
        return this.ask(setLink({ index: await this.indexOf(act.name) }, { name: act.to }))
      case 'recreate':
        return this.recreate(act.name)
      case 'flush-routes':
      case 'flush-addresses':
      case 'flush-neighbours':
        return this.flush(act)
      case 'edit-table':
        return this.editTable(act)
      case 'write-sysctl':
        return this.netns.writeSysctl(act.path, act.value)
    }
  }

  private async add(entry: Entry, over: boolean): Promise<void> {
    if (isNft(entry)) return this.transact(nftAddition(entry))
    return this.ask(await addition(entry, over, this.indexOf))
  }

  private async remove(entry: Entry): Promise<void> {
    if (isNft(entry)) return this.transact(nftRemoval(entry))
    return this.ask(await removal(entry, this.indexOf))
  }

  private async setLink({ name, changes: { master, ...rest } }: Act<'set-link'>): Promise<void> {
    const masterIndex = master === undefined || master === '' ? 0 : await this.indexOf(master)
    return this.ask(setLink({ name }, { ...rest, ...(master === undefined ? {} : { masterIndex }) }))
  }

  private async recreate(name: string): Promise<void> {
    const link = await this.link(name)
    const again = addLink(secondSpec(link))
    await this.ask(deleteLink({ index: link.index }))
    await this.ask(again)
  }

  private async flush(act: Act<'flush-routes' | 'flush-addresses' | 'flush-neighbours'>): Promise<void> {
    const linkIndex = act.link === undefined ? undefined : await this.indexOf(act.link)
    for (const request of await flushRequests(this.route, act.act, linkIndex)) {
      try {
        await this.ask(request)
      } catch (error) {
        if (!GONE.has(errnoOf(error))) throw error
      }
    }
  }

  private async editTable({ family, table }: Act<'edit-table'>): Promise<void> {
    const chains = (await this.netfilter.dump(nft.listChains({ family }))).map(nft.decodeChain)
    const chain = chains.find(chain => chain.table === table)?.name ?? 'there is none'
    return this.transact([nft.addRule({ family, table, chain, expressions: nft.verdict({ do: 'accept' }) })])
  }

  private async link(name: string): Promise<Link> {
    const [reply] = await this.route.send([getLink({ name })])
    if (reply?.ok === false) throw reply.error
    const [message] = reply?.messages ?? []
    if (message === undefined) throw new Error(`the kernel says nothing about ${name}`)
    return decodeLink(message)
  }

  private async ask(request: Request): Promise<void> {
    const [reply] = await this.route.send([request])
    if (reply?.ok === false) throw reply.error
  }

  private async transact(requests: readonly Request[]): Promise<void> {
    const replies = await this.netfilter.batch(requests)
    const refusal = replies.find(reply => !reply.ok && reply.error.code !== 'netlink.rolled-back')
    if (refusal?.ok === false) throw refusal.error
  }
}

function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof PodlaceError)) return undefined
  const payload: object = error.payload
  const errno = 'errno' in payload && typeof payload.errno === 'number' ? payload.errno : 0
  return errno > 0 ? errnoName(errno) : undefined
}
