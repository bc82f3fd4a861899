/** Pushes to the paths that are the same for all lines of a channel, as a test or a relay sends them. */
import { createHmac } from "node:crypto";
import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { Json, TestService } from "../service.ts";

export const fixedPath = (channel: string, kind = ""): string =>
  `/api/v1/calls/webhook/${channel}${kind === "" ? "" : `/${kind}`}`;

/** What a relay adds that knows the line's webhook secret. */
export function relayed(on: TestService, body: string, secret: string): Record<string, string> {
  const time = Math.floor(on.clock.now().getTime() / 1_000);
  const digest = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  return { "x-hualu-signature": `t=${time},v1=${digest}` };
}

/** Real phones are rung by day only, and tests run at any hour. */
export async function atAnyHour(on: TestService, key: string): Promise<void> {
  const body = { callingFrom: "00:00", callingUntil: "24:00" };
  const { status } = await on.ask("PUT", "/api/v1/settings", { key, body });
  if (status !== 200) throw new Error("the settings were not taken");
}

export async function lineWith(on: TestService, line: Json, key = on.key): Promise<{ id: number; webhookUrl: string }> {
  const made = await on.ask("POST", "/api/v1/calls/lines", { key, body: { name: line.providerType, ...line } });
  if (made.status !== 201) throw new Error(`line not made: ${made.text}`);
  return made.body.line;
}

/** Status and words of an answer, without what names the request. */
export async function answerTo(on: TestService, path: string, init: RequestInit): Promise<Json> {
  const answer = await fetch(on.url + path, { method: "POST", ...init });
  const text = await answer.text();
  const { requestId: _, ...said } = text.startsWith("{") ? JSON.parse(text) : { text };
  return { status: answer.status, ...said };
}

/** How many pushes of a channel have been stored. */
export async function pushesOf(on: TestService, channel: string): Promise<number> {
  const { text } = await on.ask("GET", "/metrics");
  const counted = new RegExp(`^hualu_deliveries_accepted_total{channel="${channel}",source="push"} (\\d+)`, "m");
  return Number(counted.exec(text)?.[1] ?? 0);
}

/** The record once its end and its CDR have come. */
export async function whole(on: TestService, callId: string, key = on.key): Promise<Json> {
  let record = await on.ended(callId, key);
  while (!record.hasCdr) record = await on.until(callId, (status) => status.version > record.version, key);
  return record;
}

/** How many deliveries of a channel are stored, by the tenant whose they are. */
export async function storedBy(on: TestService, channel: string): Promise<Record<string, number>> {
  const found = await on.service.calls.db.run((q) =>
    q.execute(sql`select tenant, count(*)::int as stored from deliveries where channel = ${channel} group by tenant`),
  );
  return Object.fromEntries(rows<{ tenant: string; stored: number }>(found).map((row) => [row.tenant, row.stored]));
}
