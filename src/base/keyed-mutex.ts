import { Mutex } from './mutex.ts'

/** One queue per key: tasks of one key run one after another, tasks of different keys side by side. */
export class KeyedMutex {
  private readonly queues = new Map<string, { mutex: Mutex; waiting: number }>()

  async run<T>(key: string, task: () => Promise<T> | T): Promise<T> {
    const queue = this.queues.get(key) ?? { mutex: new Mutex(), waiting: 0 }
    this.queues.set(key, queue)
    queue.waiting += 1
    try {
      return await queue.mutex.run(task)
    } finally {
      queue.waiting -= 1
      if (queue.waiting === 0) this.queues.delete(key)
    }
  }
}
