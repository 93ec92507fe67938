/** nftables objects, requests and decoders; other rooms see them as `nft.*` through the room's door. */
export {
  addChain,
  type Chain,
  decodeChain,
  deleteChain,
  encodeChain,
  type Hook,
  type HookName,
  listChains,
} from './chain.ts'
export type { Data, Verdict } from './data.ts'
export type { Datatype } from './datatypes.ts'
export { decodeElementMessage, type Element, type ElementMessage, type SetName } from './element.ts'
export {
  addElements,
  deleteElements,
  flushSet,
  listElements,
} from './element-requests.ts'
export { elementsOf, type KeyedElement, keyedElements } from './element-text.ts'
export {
  type Expression,
  type KnownExpression,
  NF_NAT_RANGE_PERSISTENT,
  NF_NAT_RANGE_PROTO_RANDOM,
  NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  NFT_LOOKUP_F_INV,
  type OtherExpression,
} from './expressions.ts'
export type { Field } from './field.ts'
export { decodeGeneration, type Generation, getGeneration } from './generation.ts'
export {
  type ConnectionState,
  counter,
  type IpOption,
  mappedDnat,
  mappedVerdict,
  masquerade,
  matchAddress,
  matchConnectionState,
  matchDestinationMac,
  matchIpOption,
  matchLink,
  matchLocalDestination,
  matchMark,
  matchNumber,
  matchSet,
  type Side,
  setMark,
  verdict,
} from './match.ts'
export { decodeRange, decodeRegister, encodeRange, encodeRegister, type Range } from './register.ts'
export {
  addRule,
  decodeRule,
  deleteRules,
  encodeRule,
  insertRule,
  listRules,
  type Rule,
  type RuleTarget,
} from './rule.ts'
export { addSet, decodeSet, deleteSet, encodeSet, listSets, type Set } from './set.ts'
export type { Family } from './subsystem.ts'
export {
  addTable,
  createTable,
  decodeTable,
  deleteTable,
  encodeTable,
  listTables,
  type Table,
} from './table.ts'
export { COMMENT_MAX_BYTES } from './userdata.ts'
