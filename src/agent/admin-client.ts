import http from 'node:http'
import * as v from 'valibot'
import { issuesText, PodlaceError } from '../base/index.ts'

const StatusSchema = v.looseObject({
  node: v.string(),
  ready: v.boolean(),
  lacks: v.optional(v.string()),
  podCidrs: v.array(v.string()),
  lease: v.looseObject({ text: v.string() }),
  backend: v.optional(v.looseObject({ type: v.string() })),
  uplink: v.optional(v.looseObject({ device: v.string(), mtu: v.number() })),
  attachments: v.number(),
  findings: v.array(v.looseObject({ about: v.string(), text: v.string() })),
})

const PeersSchema = v.array(
  v.looseObject({
    node: v.string(),
    publicAddress: v.string(),
    device: v.string(),
    state: v.picklist(['unknown', 'up', 'down']),
    /** Milliseconds. */
    rttMs: v.nullable(v.number()),
    /** 0 to 1. */
    lossRatio: v.nullable(v.number()),
    /** RFC 3339. */
    lastSeen: v.nullable(v.string()),
    /** Bytes. */
    pathMtu: v.nullable(v.number()),
    fault: v.nullable(v.string()),
  }),
)

/** What an agent tells of itself on `/status` and `/peers`; the pages hold more than is named here. */
export interface AgentStatus {
  readonly status: v.InferOutput<typeof StatusSchema>
  readonly peers: v.InferOutput<typeof PeersSchema>
}

/** Asks the agent behind an admin socket. Throws `agent.unreachable`, and `agent.bad-answer` if that is another program. */
export async function readAgentStatus(socketPath: string): Promise<AgentStatus> {
  return {
    status: await readPage(socketPath, '/status', StatusSchema),
    peers: await readPage(socketPath, '/peers', PeersSchema),
  }
}

async function readPage<T>(
  socketPath: string,
  path: string,
  schema: v.GenericSchema<unknown, T>,
): Promise<T> {
  const text = await get(socketPath, path).catch((cause: unknown) => {
    const advice = 'is it running, with this --admin-socket, and are you root or its user?'
    const message = `no agent answers at ${socketPath}: ${advice}`
    throw new PodlaceError(`ask ${socketPath}`, message, { code: 'agent.unreachable' }, { cause })
  })
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  if (parsed.success) return parsed.output
  const message = `what answers at ${socketPath} is no agent of this version: ${path}: ${issuesText(parsed.issues)}`
  throw new PodlaceError(`ask ${socketPath}`, message, { code: 'agent.bad-answer' })
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path, agent: false, timeout: 10_000 }, response => {
      const parts: Buffer[] = []
      response.on('data', part => parts.push(part))
      response.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new Error('it did not answer within 10 s')))
    request.on('error', reject)
  })
}
