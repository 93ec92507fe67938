/** Object metadata as Kubernetes has it (the part we read or write). */
export interface ObjectMeta {
  readonly name: string
  /** Absent on cluster-scoped kinds. */
  readonly namespace?: string
  /** Given by the store; a new object under an old name has a new one. */
  readonly uid: string
  /** Opaque; compared only for equality, except that the store hands out growing numbers in lists and watches. */
  readonly resourceVersion: string
  /** RFC 3339. */
  readonly creationTimestamp: string
  readonly deletionTimestamp?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
}

/** Any object: what the store and the watch code need to know of it. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

/** `namespace/name`, or `name` for cluster-scoped objects: the key of an object within its kind. */
export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}
