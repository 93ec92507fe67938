import type { FakeNamespace } from './fake-namespace.ts'

/** What several fake namespaces share, so that a veth can join two of them: their descriptors. */
export class FakeNetwork {
  private readonly namespaces = new Map<number, FakeNamespace>()
  private nextDescriptor = 1000

  register(namespace: FakeNamespace): number {
    const descriptor = this.nextDescriptor
    this.nextDescriptor += 1
    this.namespaces.set(descriptor, namespace)
    return descriptor
  }

  all(): Iterable<FakeNamespace> {
    return this.namespaces.values()
  }

  namespace(descriptor: number): FakeNamespace | undefined {
    return this.namespaces.get(descriptor)
  }
}
