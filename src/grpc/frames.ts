import { malformed } from './errors.ts'

/** As long as one message may be; what containerd sends at most, and several times what etcd says of 5,000 nodes. */
const MESSAGE_LIMIT = 16 * 1024 * 1024
const HEAD = 5

/** A message on the stream: a byte that says it is not compressed, its length, itself. */
export function frame(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(HEAD)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** Cuts what arrives into messages. */
export class Unframer {
  private rest: Buffer = Buffer.alloc(0)

  /** Nothing more comes. */
  end(): void {
    if (this.rest.length > 0) throw malformed(`the last message ends after ${this.rest.length} bytes`)
  }

  /** The messages that are complete with this chunk. */
  *take(chunk: Buffer): Generator<Uint8Array> {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    while (this.rest.length >= HEAD) {
      if (this.rest[0] !== 0) throw malformed('a compressed message, which was not asked for')
      const end = HEAD + this.rest.readUInt32BE(1)
      if (end > MESSAGE_LIMIT) throw malformed(`a message of ${end} bytes, more than ${MESSAGE_LIMIT}`)
      if (this.rest.length < end) return
      yield this.rest.subarray(HEAD, end)
      this.rest = this.rest.subarray(end)
    }
  }
}
