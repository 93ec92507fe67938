export { EtcdMembership, type Member, type MembershipOptions } from './membership.ts'
export { openEtcd } from './open.ts'
export { uplinkAddressOf } from './uplink-address.ts'
