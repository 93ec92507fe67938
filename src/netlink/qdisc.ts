import { ByteReader } from './byte-reader.ts'
import { malformed } from './errors.ts'
import {
  type Message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './messages.ts'
import { type TokenBucket, tokenBucketOptions } from './token-bucket.ts'
import { htbAttributes } from './traffic-class.ts'
import {
  readTrafficControlHeader,
  startTrafficControl,
  TC_H_INGRESS,
  TC_H_ROOT,
  TCA_OPTIONS,
  trafficControlAttributes,
} from './traffic-control.ts'

/** Queueing disciplines: RTM_NEWQDISC; `tc qdisc`. */

export const RTM_NEWQDISC = 36
export const RTM_DELQDISC = 37
const RTM_GETQDISC = 38

/** The number of every `ingress` qdisc. */
const INGRESS_HANDLE = 0xffff_0000

export interface Qdisc {
  readonly linkIndex: number
  /** `71:` is 0x71_0000. 0 is the one that a link has by itself. */
  readonly handle: number
  /** TC_H_ROOT, TC_H_INGRESS, or a class of another qdisc. */
  readonly parent: number
  /** `tbf`, `ingress`, `noqueue`, `fq_codel`... */
  readonly kind: string
  /** Of a `tbf`. */
  readonly tokenBucket?: TokenBucket
  /** Of an `htb`: the minor number of the class for packets that no filter has one for; 0 lets them go at once. */
  readonly defaultClass?: number
  /** Of a `bfifo`: bytes that may wait. */
  readonly limit?: number
}

/** Handle 0 leaves it to the kernel. */
export type RootQdisc = Omit<Qdisc, 'parent'>

export function encodeQdisc(qdisc: Qdisc): Uint8Array {
  const writer = startTrafficControl(qdisc)
  trafficControlAttributes.write(writer, { kind: qdisc.kind })
  const { tokenBucket, defaultClass, limit } = qdisc
  if (tokenBucket !== undefined) {
    writer.attribute(TCA_OPTIONS, true, () => tokenBucketOptions.write(writer, tokenBucket))
  }
  if (defaultClass !== undefined) {
    writer.attribute(TCA_OPTIONS, true, () => htbAttributes.write(writer, { defaultClass }))
  }
  // struct tc_fifo_qopt, not nested.
  if (limit !== undefined) writer.attribute(TCA_OPTIONS, false, () => writer.u32(limit))
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeQdisc(message: Message): Qdisc {
  if (message.type !== RTM_NEWQDISC && message.type !== RTM_DELQDISC) {
    throw malformed('a qdisc', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const { linkIndex, handle, parent } = readTrafficControlHeader(reader)
  const { kind, options } = trafficControlAttributes.read(reader)
  if (kind === undefined) throw malformed(`a qdisc of link ${linkIndex}`, 'it has no TCA_KIND')
  return { linkIndex, handle, parent, kind, ...(options === undefined ? {} : settingsOf(kind, options)) }
}

function settingsOf(
  kind: string,
  options: Uint8Array,
): Pick<Qdisc, 'tokenBucket' | 'defaultClass' | 'limit'> {
  const reader = ByteReader.over(options)
  if (kind === 'tbf') {
    const tokenBucket = tokenBucketOptions.read(reader)
    return tokenBucket === undefined ? {} : { tokenBucket }
  }
  if (kind === 'htb') {
    const { defaultClass } = htbAttributes.read(reader)
    return defaultClass === undefined ? {} : { defaultClass }
  }
  return kind === 'bfifo' ? { limit: reader.u32() } : {}
}

/** `tc qdisc add ... root`. EEXIST if the link has another one than what it has by itself. */
export function addQdisc(qdisc: RootQdisc): Request {
  return change('add', NLM_F_CREATE | NLM_F_EXCL, { ...qdisc, parent: TC_H_ROOT })
}

/** `tc qdisc add ... parent ...`: in place of the queue that the class has by itself. */
export function addClassQdisc(qdisc: Omit<Qdisc, 'handle'>): Request {
  return change('add', NLM_F_CREATE | NLM_F_EXCL, { ...qdisc, handle: 0 })
}

/** `tc qdisc replace ... root`. One of this handle and kind is changed in place, with the packets in it. */
export function replaceQdisc(qdisc: RootQdisc): Request {
  return change('replace', NLM_F_CREATE | NLM_F_REPLACE, { ...qdisc, parent: TC_H_ROOT })
}

/** `tc qdisc replace ... ingress`. EINVAL if the link has a `clsact` qdisc, which is as good. */
export function replaceIngress(linkIndex: number): Request {
  const ingress = { linkIndex, kind: 'ingress', handle: INGRESS_HANDLE, parent: TC_H_INGRESS }
  return change('replace', NLM_F_CREATE | NLM_F_REPLACE, ingress)
}

/** `tc qdisc delete ... root`. ENOENT if there is none; EINVAL if the one there has another handle. */
export function deleteQdisc({ linkIndex, handle }: Pick<Qdisc, 'linkIndex' | 'handle'>): Request {
  const body = startTrafficControl({ linkIndex, handle, parent: TC_H_ROOT }).finish()
  return { type: RTM_DELQDISC, flags: 0, body, what: `delete the root qdisc of link ${linkIndex}` }
}

function change(verb: string, flags: number, qdisc: Qdisc): Request {
  const what = `${verb} qdisc ${qdisc.kind} on link ${qdisc.linkIndex}`
  return { type: RTM_NEWQDISC, flags, body: encodeQdisc(qdisc), what }
}

/** `tc qdisc show`, for `NetlinkClient.dump`: those of all links. */
export function listQdiscs(): Request {
  return {
    type: RTM_GETQDISC,
    flags: NLM_F_DUMP,
    body: startTrafficControl({}).finish(),
    what: 'list qdiscs',
  }
}
