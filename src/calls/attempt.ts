import { type SQL, sql } from "drizzle-orm";
import { recordset } from "../../db/sql.ts";
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

export interface NewAttempt extends AttemptRef {
  line: Line;
  sent: Date;
}

/**
 * The changes that write attempts as sent. Committed before the requests leave: a crash between costs a call that ends
 * unknown.
 */
export function attemptRows(attempts: readonly NewAttempt[]): (SQL | null)[] {
  return attempts.length === 0 ? [] : [feedRows(attempts), ownRows(attempts)];
}

function ownRows(attempts: readonly NewAttempt[]): SQL {
  const news = attempts.map(({ line, callId, number, sent }) => {
    const { tenant, id, accountId, channel } = line;
    return { tenant, call_id: callId, number, line_id: id, account_id: accountId, channel, sent };
  });
  const shape = `tenant text, call_id text, number smallint, line_id int, account_id text, channel text, sent timestamptz`;
  return sql`
    insert into call_attempts (tenant, call_id, number, line_id, account_id, channel, outcome, sent)
    select tenant, call_id, number, line_id, account_id, channel, 'sent', sent from ${recordset(news, `news(${shape})`)}`;
}

/** A first call makes the row by which its account's feed is read. */
function feedRows(attempts: readonly NewAttempt[]): SQL | null {
  const feeds = new Map<string, { account: string; tenant: string; due: Date }>();
  for (const { line, sent } of attempts) {
    const { accountId: account, tenant, definition, config } = line;
    if (!definition.hasFeed(config)) continue;
    feeds.set(account, { account, tenant, due: new Date(sent.getTime() + definition.quota(config).pollEveryMs) });
  }
  if (feeds.size === 0) return null;
  return sql`
    insert into polls (account_id, kind, tenant, due, lease)
    select account, 'feed', tenant, due, '-infinity'
    from ${recordset([...feeds.values()], "news(account text, tenant text, due timestamptz)")} order by account
    on conflict do nothing`;
}
