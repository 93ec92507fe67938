import { EVERYWHERE } from './membership/cases.ts'
import { EmbeddedPlace } from './membership/embedded-place.ts'
import { EtcdPlace } from './membership/etcd-place.ts'
import { KubernetesPlace } from './membership/kubernetes-place.ts'
import { WITH_CLAIMS, WITH_CONDITIONS, WITH_LEASES } from './membership/special-cases.ts'
import { membershipSuite } from './membership/suite.ts'

membershipSuite('Kubernetes, as flannel does', options => KubernetesPlace.start(options), [
  ...EVERYWHERE,
  ...WITH_CONDITIONS,
])
membershipSuite("flannel's etcd", options => EtcdPlace.start(options), [
  ...EVERYWHERE,
  ...WITH_CLAIMS,
  ...WITH_LEASES,
])
membershipSuite<EmbeddedPlace>('our own server', options => EmbeddedPlace.start(options), [
  ...EVERYWHERE,
  ...WITH_CLAIMS,
  ...WITH_CONDITIONS,
])
