import { binary, text } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import type { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

/** `struct tcmsg`, TCA_* (linux/rtnetlink.h), TC_H_* (linux/pkt_sched.h): qdiscs and filters share them; `tc`. */

/** Parent of the qdisc that packets leave a link by. */
export const TC_H_ROOT = 0xffff_ffff
/** Parent of the `ingress` or `clsact` qdisc, which packets that came in by a link pass. */
export const TC_H_INGRESS = 0xffff_fff1
/** Parent of the filters that those pass there. */
export const TC_H_INGRESS_FILTERS = 0xffff_fff2

export interface TrafficControlHeader {
  readonly linkIndex: number
  /** Of a qdisc: its number in the upper 16 bits, which `tc` shows as `71:`. Of a filter: what its kind makes of it. */
  readonly handle: number
  readonly parent: number
  /** Of a filter: priority and protocol. */
  readonly info: number
}

/** A writer that stands behind the header. */
export function startTrafficControl(header: Partial<TrafficControlHeader>): ByteWriter {
  const { linkIndex = 0, handle = 0, parent = 0, info = 0 } = header
  return new ByteWriter().zeros(4).i32(linkIndex).u32(handle).u32(parent).u32(info)
}

export function readTrafficControlHeader(reader: ByteReader): TrafficControlHeader {
  return {
    linkIndex: reader.skip(4).i32(),
    handle: reader.u32(),
    parent: reader.u32(),
    info: reader.u32(),
  }
}

/** What the options hold depends on the kind. */
export const trafficControlFields = {
  kind: [1, 'TCA_KIND', text],
  options: [2, 'TCA_OPTIONS', binary],
} as const

export const TCA_OPTIONS: number = trafficControlFields.options[0]

export const trafficControlAttributes = attributeTable(trafficControlFields)
