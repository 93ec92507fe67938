/** Thrown inside the model where the kernel would answer with an errno. */
export class Refusal extends Error {
  readonly errno: string

  constructor(errno: string, message: string) {
    super(message)
    this.errno = errno
  }
}

export function refuse(errno: string, message: string): never {
  throw new Refusal(errno, message)
}
