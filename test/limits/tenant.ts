/** One tenant of the service under test, with lines, rules and calls of its own. */
import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import { lineOf, type TestLine } from "../calls/variant.ts";
import { type Answer, customer, type Json, type TestService } from "../service.ts";

export interface TestTenant {
  name: string;
  key: string;
  line(given?: { line?: Record<string, unknown>; config?: Record<string, unknown> }): Promise<TestLine>;
  /** An agent of its own for each call, unless one is named. */
  dial(body: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>;
  /** A call that talks until it is hung up; its id. */
  longCall(body?: Record<string, unknown>): Promise<string>;
  hangup(callId: string): Promise<void>;
  record(callId: string): Promise<Json>;
  ended(callId: string): Promise<Json>;
  /** How many calls it has records of. */
  recorded(): Promise<number>;
}

let made = 0;

export async function tenantOf(on: TestService, settings: Record<string, unknown> = {}): Promise<TestTenant> {
  made += 1;
  const name = `tenant-${made}`;
  const key = await on.tenant(name);
  // Tests run at any hour.
  const body = { callingFrom: "00:00", callingUntil: "24:00", ...settings };
  const set = await on.ask("PUT", "/api/v1/settings", { key, body });
  if (set.status !== 200) throw new Error(`settings not taken: ${set.text}`);
  const dial: TestTenant["dial"] = (body, headers = {}) =>
    on.ask("POST", "/api/v1/calls/dial", { key, headers, body: { agent: customer(0), ...body } });
  return {
    name,
    key,
    dial,
    line: (given = {}) => lineOf(on, { key, ...given }),
    async longCall(body = {}) {
      const phone = customer(0);
      on.far.script(`+86${phone}`, { talkSeconds: 300_000 });
      const answer = await dial({ customerPhone: phone, maxDuration: 14_400, ...body });
      if (answer.body.callId === undefined) throw new Error(`no call: ${answer.text}`);
      return answer.body.callId;
    },
    async hangup(callId) {
      await on.ask("POST", "/api/v1/calls/hangup", { key, body: { callId } });
      await on.ended(callId, key);
    },
    record: async (callId) => (await on.ask("GET", `/api/v1/calls/${callId}`, { key })).body,
    ended: (callId) => on.ended(callId, key),
    async recorded() {
      const counted = await on.database.db.run((q) =>
        q.execute(sql`select count(*)::int as n from call_records where tenant = ${name}`),
      );
      return rows<{ n: number }>(counted)[0]?.n ?? 0;
    },
  };
}

/** What a refusal says: status, code, and which limit or rule. */
export const toldOf = ({ status, body }: Answer): Json[] =>
  [status, body.code, body.scope, body.rule].filter((one) => one !== undefined);
