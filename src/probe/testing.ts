import type { DatagramChannel } from './channel.ts'

/** Datagrams by hand: what was sent is kept, what arrives is handed over. */
export class FakeChannel implements DatagramChannel {
  readonly sent: { readonly bytes: Uint8Array; readonly address: string; readonly port: number }[] = []
  closed = false
  /** Thrown by the next sends, as the kernel does without a route. */
  refusal: Error | undefined
  private listener: (bytes: Uint8Array, from: { address: string; port: number }) => void = () => undefined

  send(bytes: Uint8Array, address: string, port = 0): void {
    if (this.refusal !== undefined) throw this.refusal
    this.sent.push({ bytes, address, port })
  }

  onMessage(listener: (bytes: Uint8Array, from: { address: string; port: number }) => void): void {
    this.listener = listener
  }

  arrive(bytes: Uint8Array, address: string, port = 0): void {
    this.listener(bytes, { address, port })
  }

  close(): void {
    this.closed = true
  }
}
