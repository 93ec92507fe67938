import { LocalStore } from './local-store.ts'

/** A store that lives as long as its process: for tests, the simulation and short-lived labs. */
export class MemoryStore extends LocalStore {}
