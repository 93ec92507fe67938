import type { KubeObject, ObjectMeta } from './meta.ts'

/** What a caller may say of a new object's metadata; the store adds the rest. Give `name`, or `generateName`. */
export interface DraftMeta
  extends Partial<Pick<ObjectMeta, 'name' | 'namespace' | 'labels' | 'annotations' | 'finalizers'>> {
  /** Prefix of a name that the store completes with five random characters. */
  readonly generateName?: string
}

/** An object before the store has it: without uid, revision and times; `apiVersion`, `kind` and status may be left out. */
export type Draft<T extends KubeObject> = Omit<T, 'apiVersion' | 'kind' | 'metadata' | 'status'> & {
  readonly apiVersion?: string
  readonly kind?: T['kind']
  readonly metadata: DraftMeta
} & (T extends { readonly status: infer Status } ? { readonly status?: Status } : unknown)
