import {
  bigInteger,
  field,
  flag,
  integer,
  list,
  type Message,
  message,
  nested,
  text,
  type ValueOf,
} from '../grpc/index.ts'

/**
 * The part of etcd's API that we speak: packages `etcdserverpb` and `mvccpb` of etcd 3.4 and later, `rpc.proto` and
 * `kv.proto`. Keys and values are texts here. Revisions count writes, and so are numbers; ids of leases use all 64 bits.
 */

const header = message({ revision: field(3, integer) })

const keyValue = message({
  key: field(1, text),
  createRevision: field(2, integer),
  modRevision: field(3, integer),
  /** How often it was written since it was created. */
  version: field(4, integer),
  value: field(5, text),
  lease: field(6, bigInteger),
})
export type KeyValue = ValueOf<typeof keyValue>

/** `Event.EventType` */
export const DELETE_EVENT = 1
const event = message({ type: field(1, integer), kv: nested(2, keyValue), prevKv: nested(3, keyValue) })

const rangeRequest = message({ key: field(1, text), rangeEnd: field(2, text), revision: field(4, integer) })
const rangeResponse = message({ header: nested(1, header), kvs: list(2, keyValue) })
const putRequest = message({ key: field(1, text), value: field(2, text), lease: field(3, bigInteger) })
const deleteRangeRequest = message({ key: field(1, text), rangeEnd: field(2, text) })

const requestOp = message({ put: nested(2, putRequest), deleteRange: nested(3, deleteRangeRequest) })
export type Operation = ValueOf<typeof requestOp>

/** `Compare.CompareTarget`, of which each has a field of its own for what it must be equal to. */
export const COMPARE = { version: 0, modRevision: 2 } as const
const compare = message({
  target: field(2, integer),
  key: field(3, text),
  version: field(4, integer),
  modRevision: field(6, integer),
})
export type Compare = ValueOf<typeof compare>

const watchCreate = message({
  key: field(1, text),
  rangeEnd: field(2, text),
  startRevision: field(3, integer),
  progressNotify: field(4, flag),
  prevKv: field(6, flag),
})
const watchRequest = message({ create: nested(1, watchCreate) })
const watchResponse = message({
  header: nested(1, header),
  created: field(3, flag),
  canceled: field(4, flag),
  compactRevision: field(5, integer),
  cancelReason: field(6, text),
  events: list(11, event),
})
export type WatchResponse = ValueOf<typeof watchResponse>

const leaseId = message({ id: field(1, bigInteger) })
const leaseGrant = message({ ttlSeconds: field(1, integer), id: field(2, bigInteger) })
const leaseState = message({ id: field(2, bigInteger), ttlSeconds: field(3, integer) })

const method = <Request, Response>(path: string, request: Message<Request>, response: Message<Response>) => ({
  path: `/etcdserverpb.${path}`,
  request,
  response,
})

const headed = message({ header: nested(1, header) })

/** Name, request and response of each call. */
export const METHODS = {
  range: method('KV/Range', rangeRequest, rangeResponse),
  put: method('KV/Put', putRequest, headed),
  deleteRange: method(
    'KV/DeleteRange',
    deleteRangeRequest,
    message({ header: nested(1, header), deleted: field(2, integer) }),
  ),
  txn: method(
    'KV/Txn',
    message({ compare: list(1, compare), success: list(2, requestOp) }),
    message({ header: nested(1, header), succeeded: field(2, flag) }),
  ),
  compact: method('KV/Compact', message({ revision: field(1, integer) }), headed),
  leaseGrant: method('Lease/LeaseGrant', leaseGrant, leaseState),
  leaseRevoke: method('Lease/LeaseRevoke', leaseId, headed),
  leaseKeepAlive: method('Lease/LeaseKeepAlive', leaseId, leaseState),
  leaseTimeToLive: method('Lease/LeaseTimeToLive', leaseId, leaseState),
  watch: method('Watch/Watch', watchRequest, watchResponse),
  authenticate: method(
    'Auth/Authenticate',
    message({ name: field(1, text), password: field(2, text) }),
    message({ token: field(2, text) }),
  ),
} as const
