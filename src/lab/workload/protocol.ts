import * as v from 'valibot'

/**
 * What the lab's commands ask of the workload process, one JSON object a line over a unix socket that only root may
 * open. Every request has an `id`, which its answer repeats.
 */
const requestSchema = v.variant('op', [
  /** Serve and probe from this pod. `netnsPath` must be enterable from the machine's mount namespace. */
  v.object({
    id: v.number(),
    op: v.literal('add-pod'),
    name: v.string(),
    netnsPath: v.string(),
    address: v.string(),
  }),
  /** Close everything in the pod's namespace, which may then go. */
  v.object({ id: v.number(), op: v.literal('remove-pod'), name: v.string() }),
  v.object({ id: v.number(), op: v.literal('list') }),
  v.object({
    id: v.number(),
    op: v.literal('matrix'),
    protocols: v.array(v.picklist(['icmp', 'tcp', 'udp'])),
    samples: v.number(),
    retries: v.number(),
    timeoutMs: v.number(),
  }),
  v.object({
    id: v.number(),
    op: v.literal('stream-start'),
    from: v.string(),
    address: v.string(),
    intervalMs: v.number(),
    timeoutMs: v.number(),
  }),
  v.object({ id: v.number(), op: v.literal('stream-stop'), stream: v.number() }),
])

export type WorkloadRequest = v.InferOutput<typeof requestSchema>

/** A request without its `id`, which the client gives. */
export type WorkloadCall = WorkloadRequest extends infer R
  ? R extends unknown
    ? Omit<R, 'id'>
    : never
  : never

const responseSchema = v.variant('ok', [
  v.object({ id: v.number(), ok: v.literal(true), result: v.unknown() }),
  v.object({ id: v.number(), ok: v.literal(false), error: v.string() }),
])

export type WorkloadResponse = v.InferOutput<typeof responseSchema>

const outcomeSchema = v.variant('ok', [
  v.object({ ok: v.literal(true), rttMs: v.number() }),
  v.object({ ok: v.literal(false), reason: v.string() }),
])

export const matrixSchema = v.array(
  v.object({
    from: v.string(),
    to: v.string(),
    protocol: v.picklist(['icmp', 'tcp', 'udp']),
    outcome: outcomeSchema,
  }),
)

export const streamSchema = v.object({ stream: v.number() })

export const reportSchema = v.object({
  sent: v.number(),
  lost: v.number(),
  longestOutageMs: v.number(),
  rtt: v.exactOptional(
    v.object({
      count: v.number(),
      minMs: v.number(),
      p50Ms: v.number(),
      p99Ms: v.number(),
      maxMs: v.number(),
    }),
  ),
  firstLoss: v.exactOptional(v.string()),
})

export function parseRequest(line: string): WorkloadRequest {
  return v.parse(requestSchema, JSON.parse(line))
}

export function parseResponse(line: string): WorkloadResponse {
  return v.parse(responseSchema, JSON.parse(line))
}
