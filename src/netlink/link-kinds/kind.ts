import type { AttributeCodec } from '../attributes.ts'

/** One type of link: its name in IFLA_INFO_KIND and the codec of its IFLA_INFO_DATA. */
export interface LinkKind<Kind extends string, Data> {
  readonly kind: Kind
  readonly data: AttributeCodec<Data>
}

/** Defines a kind; a file of this folder holds one, and index.ts lists them. */
export function linkKind<Kind extends string, Data>(
  kind: Kind,
  data: AttributeCodec<Data>,
): LinkKind<Kind, Data> {
  return { kind, data }
}

/** What a link says about itself: its kind and the attributes of that kind side by side. */
export type InfoOf<K> = K extends LinkKind<infer Kind, infer Data> ? { readonly kind: Kind } & Data : never
