/** How much work shares one run, and how much may wait for one. */
export interface BatchOptions<Item, Result> {
  sizeMax: number;
  waitingMax: number;
  atOnce: number;
  /** What no two items of one batch may have in common: the later one waits for the next batch. */
  keysOf?(item: Item): readonly string[];
  /** One result for each item, in their order. */
  run(items: readonly Item[]): Promise<readonly Result[]>;
  /** True for an error that one item is to blame for: the batch is then halved until that item stands alone. */
  divides?(error: unknown): boolean;
  /** What is thrown at whoever comes when too many wait. */
  full(): Error;
}

export interface Batch<Item, Result> {
  (item: Item): Promise<Result>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  keys: readonly string[];
  done(result: Result): void;
  failed(error: unknown): void;
}

/** Concurrent work shares statements and commits: what comes while a batch is under way goes into the next one. */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): Batch<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  const running = new Set<Promise<void>>();
  let planned = false;

  function start(): void {
    while (running.size < options.atOnce && waiting.length > 0) {
      const group = take();
      const run = perform(group).finally(() => {
        running.delete(run);
        start();
      });
      running.add(run);
    }
  }

  function take(): Waiting<Item, Result>[] {
    if (options.keysOf === undefined) return waiting.splice(0, options.sizeMax);
    const taken: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    const used = new Set<string>();
    for (const one of waiting) {
      if (taken.length === options.sizeMax || one.keys.some((key) => used.has(key))) left.push(one);
      else taken.push(one);
      // An item that waits keeps its place before later ones of the same key.
      for (const key of one.keys) used.add(key);
    }
    waiting = left;
    return taken;
  }

  async function perform(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await options.run(group.map((one) => one.item));
      for (const [index, one] of group.entries()) one.done(results[index] as Result);
    } catch (error) {
      if (group.length === 1 || !options.divides?.(error)) {
        for (const one of group) one.failed(error);
        return;
      }
      const half = group.length >> 1;
      await perform(group.slice(0, half));
      await perform(group.slice(half));
    }
  }

  function batch(item: Item): Promise<Result> {
    if (waiting.length >= options.waitingMax) return Promise.reject(options.full());
    return new Promise((done, failed) => {
      waiting.push({ item, keys: options.keysOf?.(item) ?? [], done, failed });
      if (planned) return;
      planned = true;
      // Requests that one turn of the event loop has read go together.
      setImmediate(() => {
        planned = false;
        start();
      });
    });
  }

  return Object.assign(batch, {
    async idle() {
      while (running.size > 0 || waiting.length > 0) {
        await Promise.allSettled(running);
        await new Promise((next) => setImmediate(next));
      }
    },
  });
}
