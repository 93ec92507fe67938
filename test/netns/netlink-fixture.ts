import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  decodeLink,
  getLink,
  type Link,
  NetlinkClient,
  type Reply,
  type Request,
} from '../../src/netlink/index.ts'
import { Netns } from '../../src/sys/index.ts'

/** A namespace without a name, with clients for it and the usual tools run inside. Gone when closed. */
export class NetlinkFixture implements Disposable {
  readonly netns: Netns = Netns.create()
  readonly route: NetlinkClient = new NetlinkClient(this.netns.route)
  readonly netfilter: NetlinkClient = new NetlinkClient(this.netns.netfilter);

  [Symbol.dispose](): void {
    this.netns.close()
  }

  /** Output of a command inside; throws if it fails. */
  run(...command: readonly string[]): string {
    const inside = `--net=/proc/${process.pid}/fd/${this.netns.fds.netns}`
    return execFileSync('nsenter', [inside, ...command], { encoding: 'utf8' })
  }

  /** Output of `ip -j`, `bridge -j`, `nft -j`: an array of objects, or an object that has one. */
  json(...command: readonly string[]): JsonObject[] {
    const output = this.run(...command).trim()
    const parsed: unknown = output === '' ? [] : JSON.parse(output)
    return Array.isArray(parsed) ? parsed.filter(isObject) : []
  }

  /** The only object that the command prints. */
  one(...command: readonly string[]): JsonObject {
    const [only, ...more] = this.json(...command)
    assert.ok(only !== undefined && more.length === 0, `one object expected of ${command.join(' ')}`)
    return only
  }

  /** Sends requests that must all succeed. */
  async ok(...requests: readonly Request[]): Promise<readonly Reply[]> {
    const replies = await this.route.send(requests)
    for (const reply of replies) assert.ok(reply.ok, reply.ok ? '' : reply.error.message)
    return replies
  }

  /** A batch that must succeed. */
  async commit(...requests: readonly Request[]): Promise<void> {
    for (const reply of await this.netfilter.batch(requests)) {
      assert.ok(reply.ok, reply.ok ? '' : reply.error.message)
    }
  }

  /** What the kernel says to a request that it must refuse: errno name and text. */
  async refusal(request: Request): Promise<{ code: string; text: string | undefined }> {
    const [reply] = await this.route.send([request])
    assert.ok(reply?.ok === false, `${request.what} must be refused`)
    return { code: reply.error.code, text: reply.error.payload.extAck }
  }

  async link(name: string): Promise<Link> {
    const [reply] = await this.ok(getLink({ name }))
    const [message] = reply?.ok === true ? reply.messages : []
    assert.ok(message !== undefined)
    return decodeLink(message)
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The named members of an object, to compare with what is expected of them. */
export function pick(object: JsonObject | undefined, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map(name => [name, object?.[name]]))
}

/** Member `name` as an object. */
export function inner(object: JsonObject | undefined, name: string): JsonObject {
  const value = object?.[name]
  assert.ok(isObject(value), `${name} must be an object`)
  return value
}
