import { type CniOrder, type CniReply, cniError, decodeOrderAnswer, encodeOrder } from '../cni/index.ts'
import { closeFd, type UnixConnection } from '../sys/index.ts'

/** Lets the shim that waits for an answer run a plugin of somebody else, which takes root. */
export type Execute = (order: CniOrder) => Promise<CniReply>

/** One shim: it sends a call, carries out orders, and gets its answer. */
export class ShimConnection {
  private readonly connection: UnixConnection
  private gone = false
  private answered: ((payload: Uint8Array) => void) | undefined
  private lost: (() => void) | undefined

  /** @param onCall owns the descriptors */
  constructor(connection: UnixConnection, onCall: (payload: Uint8Array, fds: number[]) => void) {
    this.connection = connection
    connection.onClose(() => {
      this.gone = true
      this.lost?.()
    })
    connection.onFrame((payload, fds) => {
      if (this.answered === undefined) return onCall(payload, fds)
      for (const fd of fds) closeFd(fd)
      this.answered(payload)
    })
  }

  isGone(): boolean {
    return this.gone
  }

  send(payload: Uint8Array): void {
    this.connection.send(payload)
  }

  end(): void {
    this.connection.end()
  }

  /** One order at a time. Throws `cni.invalid-configuration` if CNI_PATH has no such plugin, `cni.io` for other reasons. */
  async execute(order: CniOrder): Promise<CniReply> {
    const answer = decodeOrderAnswer(await this.exchange(encodeOrder(order)))
    if (!('refusal' in answer)) return answer
    const op = `run plugin ${order.plugin}`
    if (answer.refusal === 'ENOENT') {
      throw cniError('invalid-configuration', op, `no directory of CNI_PATH has a plugin ${order.plugin}`)
    }
    throw cniError('io', op, `plugin ${order.plugin} could not be run: ${answer.refusal}`)
  }

  private exchange(frame: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.answered = undefined
        this.lost = undefined
      }
      this.answered = payload => {
        settle()
        resolve(payload)
      }
      this.lost = () => {
        settle()
        reject(cniError('internal', 'run a plugin', 'the caller went away while it ran a plugin'))
      }
      if (this.gone) this.lost()
      else this.connection.send(frame)
    })
  }
}
