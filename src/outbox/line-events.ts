import type { Query } from "../../db/client.ts";
import type { Context } from "../context.ts";
import type { LineTransition } from "../health/book.ts";
import { causeWords } from "../health/cause.ts";
import { appendOutbox } from "./append.ts";

/** What others hear of a line: its events follow each other as those of a call do. */
export async function appendLineEvents(ctx: Context, q: Query, transitions: readonly LineTransition[]): Promise<void> {
  await appendOutbox(
    ctx,
    q,
    transitions.map((one) => ({
      tenant: one.tenant,
      callId: `${linePrefix}${one.lineId}`,
      version: one.number,
      topic: `line.${one.to}` as const,
      payload: {
        lineId: one.lineId,
        name: one.name,
        channel: one.channel,
        health: one.to,
        before: one.from,
        cause: one.cause,
        words: causeWords[one.cause],
        reason: one.reason,
        at: new Date(one.at).toISOString(),
      },
    })),
  );
}

const linePrefix = "line_";

/** Null for an event of a line: what stands in the place of its call's id is shown to nobody. */
export const callIdOf = (key: string): string | null => (key === "" || key.startsWith(linePrefix) ? null : key);
