import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/** How one kind of attribute payload is written and read; `T` is what reading gives, writing may take more. */
export interface AttributeCodec<T> {
  write(writer: ByteWriter, value: NoInfer<T>): void
  read(payload: ByteReader): T
  /** The payload is attributes again: NLA_F_NESTED is set. */
  readonly nested?: boolean
  /** True for values that are expressed by leaving the attribute out (a flag that is false). */
  omits?(value: T): boolean
}

/** Attribute number, its name in the kernel header, and how its payload is coded. */
export type Field<T> = readonly [type: number, name: string, codec: AttributeCodec<T>]

export type Fields = Readonly<Record<string, Field<unknown>>>

/** The object that a table of fields encodes and decodes. Every attribute may be absent. */
export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never
}

export interface AttributeTable<F extends Fields> extends AttributeCodec<ValuesOf<F>> {
  readonly nested: true
  readonly fields: F
  /** What is undefined is left out. */
  write(writer: ByteWriter, values: { readonly [K in keyof F]?: ValuesOf<F>[K] | undefined }): void
}

/**
 * A codec for a run of attributes, written as a table:
 *
 *     attributeTable({ name: [3, 'IFLA_IFNAME', text], mtu: [4, 'IFLA_MTU', u32] })
 *
 * Attributes are written in the order of the table. Reading skips what the table does not name, as every
 * netlink program must: kernels add attributes. Of a repeated attribute the last one counts, as in the kernel.
 */
export function attributeTable<F extends Fields>(fields: F): AttributeTable<F> {
  const byType = new Map(Object.entries(fields).map(([key, [type, , codec]]) => [type, { key, codec }]))
  return {
    nested: true,
    fields,
    write(writer, values) {
      for (const key in fields) {
        const field = fields[key]
        const value = values[key]
        if (field === undefined || value === undefined || field[2].omits?.(value) === true) continue
        writeAttribute(writer, field[0], field[2], value)
      }
    },
    read(payload) {
      const values: Record<string, unknown> = {}
      for (let type = payload.nextAttribute(); type !== undefined; type = payload.nextAttribute()) {
        const field = byType.get(type)
        if (field !== undefined) values[field.key] = field.codec.read(payload.payload())
      }
      // Each key was filled by the codec of its own field.
      return values as ValuesOf<F>
    },
  }
}

/** One attribute with its header and padding. */
export function writeAttribute<T>(
  writer: ByteWriter,
  type: number,
  codec: AttributeCodec<T>,
  value: T,
): void {
  const start = writer.begin(type, codec.nested === true)
  codec.write(writer, value)
  writer.end(start)
}

/**
 * A nested list, each item an attribute of the type `elementType` (nftables' NFTA_LIST_ELEM). Reading takes items of
 * any type, as the kernel does: libnftnl numbers some of them through.
 */
export function listOf<T>(elementType: number, element: AttributeCodec<T>): AttributeCodec<readonly T[]> {
  return {
    nested: true,
    write(writer, items) {
      for (const item of items) writeAttribute(writer, elementType, element, item)
    },
    read(payload) {
      const items: T[] = []
      while (payload.nextAttribute() !== undefined) items.push(element.read(payload.payload()))
      return items
    },
  }
}
