import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import type { Context } from "../context.ts";
import { type Fact, fact } from "../domain/fact.ts";
import type { Line } from "../lines/directory.ts";

/** One try of one call on one line. */
export interface AttemptRef {
  callId: string;
  number: number;
}

/** The fact that a request is about to leave: what the record needs to know of the line. */
export function sentFact(ctx: Context, line: Line, number: number, at: Date, shown: Line["shownNumber"]): Fact {
  const shownNumber =
    shown === null
      ? null
      : {
          masked: shown.masked,
          sealed: ctx.seal.text(line.tenant, shown.reveal()),
          index: ctx.seal.index(line.tenant, "phone", shown.reveal()),
        };
  const live = line.definition.live(line.config);
  const value = { lineId: line.id, channel: line.channel, shownNumber, live };
  return fact({ attempt: number, kind: "sent", leg: null, at: at.getTime(), authority: 0, value });
}

/** Writes an attempt as sent. Committed before the request leaves: a crash between costs a call that ends unknown. */
export async function insertAttempt(q: Query, line: Line, ref: AttemptRef, at: Date): Promise<void> {
  await q.execute(sql`
    insert into call_attempts (tenant, call_id, number, line_id, account_id, channel, outcome, sent)
    values (${line.tenant}, ${ref.callId}, ${ref.number}, ${line.id}, ${line.accountId}, ${line.channel}, 'sent', ${at.toISOString()})`);
  if (line.definition.hasFeed(line.config)) {
    const due = new Date(at.getTime() + line.definition.quota(line.config).pollEveryMs).toISOString();
    await q.execute(sql`
      insert into polls (account_id, kind, tenant, due, lease) values (${line.accountId}, 'feed', ${line.tenant}, ${due}, '-infinity')
      on conflict do nothing`);
  }
}
