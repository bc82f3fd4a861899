import { sql } from "drizzle-orm";
import { createBatch } from "../../db/batch.ts";
import { rows, textArray } from "../../db/sql.ts";
import type { CallStatus } from "../domain/record.ts";
import { Refusal } from "../domain/refusal.ts";
import type { CallContext, RecordChange } from "./context.ts";
import { currentDuration, planStatus } from "./view.ts";

/** What a poll of one call answers. */
export interface StatusAnswer {
  callId: string;
  /** calling, ringing, connected or ended. */
  status: string;
  /** answered, missed, rejected, busy or failed; comes with `ended`. */
  result: string | null;
  answered: boolean;
  /** Whole seconds. */
  duration: number;
  startTime: string | null;
  endTime: string | null;
  version: number;
}

export interface StatusReader {
  /** With `wait`, holds the answer until the record is newer than `version`. Null for an unknown call. */
  read(
    tenant: string,
    callId: string,
    wait?: { version: number; seconds: number; signal: AbortSignal },
  ): Promise<StatusAnswer | null>;
  /** Wakes whoever waits for these. */
  told(changes: readonly RecordChange[]): void;
  /** Answers everybody who waits, and lets nobody wait any more: the service is stopping. */
  release(): void;
}

const batchMax = 500;
const waitersMax = 20_000;
/** A change made by another instance is seen after at most this long. */
const lookAgainMs = 1_000;

interface Asked {
  tenant: string;
  callId: string;
}

/** Reads many calls' states with one statement: all that are asked for while one read is under way share the next. */
export function createStatusReader(ctx: CallContext): StatusReader {
  const waiters = new Map<string, Set<() => void>>();
  const released = new AbortController();
  let waiting = 0;
  const readNow = createBatch<Asked, StatusAnswer | null>({
    sizeMax: batchMax,
    waitingMax: waitersMax,
    atOnce: 2,
    run: (batch) => readBatch(ctx, batch),
    full: () => new Refusal("overloaded", "查询过多 · too many queries at once", { retryAfterSeconds: 1 }),
  });

  async function changeOf(key: string, ms: number, signal: AbortSignal): Promise<void> {
    if (waiting >= waitersMax)
      throw new Refusal("overloaded", "等待者过多 · too many waiters", { retryAfterSeconds: 1 });
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    const here = waiters.get(key) ?? new Set();
    waiters.set(key, here.add(wake));
    waiting += 1;
    await ctx.clock.sleep(ms, AbortSignal.any([woken.signal, signal]));
    waiting -= 1;
    here.delete(wake);
    if (here.size === 0) waiters.delete(key);
  }

  return {
    async read(tenant, callId, wait) {
      let answer = await readNow({ tenant, callId });
      if (wait === undefined) return answer;
      const until = ctx.clock.now().getTime() + wait.seconds * 1000;
      const signal = AbortSignal.any([wait.signal, released.signal]);
      while (answer !== null && answer.version <= wait.version && !signal.aborted) {
        const left = until - ctx.clock.now().getTime();
        if (left <= 0) break;
        await changeOf(`${tenant}/${callId}`, Math.min(left, lookAgainMs), signal);
        answer = await readNow({ tenant, callId });
      }
      return answer;
    },
    release: () => released.abort(),
    told(changes) {
      for (const { tenant, callId } of changes) for (const wake of waiters.get(`${tenant}/${callId}`) ?? []) wake();
    },
  };
}

/** All of them in one value: parsing eight columns of every row takes the driver as long as all the rest of a poll. */
async function readBatch(ctx: CallContext, batch: readonly Asked[]): Promise<(StatusAnswer | null)[]> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select json_agg(json_build_array(asked.n - 1, status, answered, duration, version,
        (extract(epoch from conn_time) * 1000)::bigint, (extract(epoch from close_time) * 1000)::bigint)) as found
      from unnest(${textArray(batch.map((one) => one.tenant))}, ${textArray(batch.map((one) => one.callId))})
        with ordinality as asked(tenant, id, n)
      join call_records record on record.tenant = asked.tenant and record.call_id = asked.id`),
  );
  type Found = [number, CallStatus, boolean, number | null, number, number | null, number | null];
  const answers: (StatusAnswer | null)[] = batch.map(() => null);
  for (const [index, status, answered, duration, version, conn, close] of rows<{ found: Found[] | null }>(found)[0]
    ?.found ?? []) {
    const connTime = conn === null ? null : new Date(conn);
    answers[index] = {
      callId: batch[index]?.callId ?? "",
      ...planStatus(status),
      answered,
      duration: currentDuration(ctx, { duration, connTime }),
      startTime: connTime?.toISOString() ?? null,
      endTime: close === null ? null : new Date(close).toISOString(),
      version,
    };
  }
  return answers;
}
