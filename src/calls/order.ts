import { eq } from "drizzle-orm";
import type { CallOrder, PlacedCall } from "../../channels/contract.ts";
import { callRecords } from "../../db/schema/index.ts";
import { storedPhone } from "../domain/phone.ts";
import { agentById } from "../lines/agents.ts";
import type { Line } from "../lines/directory.ts";
import type { CallContext } from "./context.ts";

/** What a call asks of whichever line places it. The same for a first attempt, a later one and a look-up. */
export type Plan = Omit<CallOrder, "attempt" | "displayNumber" | "notifyUrl" | "agent"> & {
  tenant: string;
  agent: { id: string | null; phone: CallOrder["agent"]["phone"]; seats: Record<string, string> };
  displayNumber: CallOrder["displayNumber"];
};

export function orderFor(ctx: CallContext, plan: Plan, line: Line, attempt: number): CallOrder {
  const { tenant: _tenant, agent, ...order } = plan;
  return {
    ...order,
    attempt,
    agent: { phone: agent.phone, seat: agent.seats[line.channel] ?? null },
    displayNumber: plan.displayNumber ?? line.shownNumber,
    notifyUrl: ctx.notifyUrl(line),
  };
}

/** Reads a call's plan back from its record, for whoever takes it up after a crash. */
export async function planOf(ctx: CallContext, callId: string): Promise<Plan | null> {
  const [row] = await ctx.db.run((q) => q.select().from(callRecords).where(eq(callRecords.callId, callId)));
  if (row === undefined) return null;
  const open = (sealed: string | null): string | null => (sealed === null ? null : ctx.seal.open(row.tenant, sealed));
  const caller = open(row.callerSealed);
  const known = row.agent === null ? null : await agentById(ctx, row.tenant, row.agent);
  const shown = open((row.route as { displayNumberSealed?: string }).displayNumberSealed ?? null);
  return {
    tenant: row.tenant,
    callId,
    agent: { id: row.agent, phone: caller === null ? null : storedPhone(caller), seats: known?.seats ?? {} },
    customer: storedPhone(ctx.seal.open(row.tenant, row.calledSealed)),
    displayNumber: shown === null ? null : storedPhone(shown),
    privacy: row.privacy,
    record: row.record,
    ringTimeoutSeconds: row.ringTimeout,
    maxDurationSeconds: row.maxDuration,
    mainNum: row.mainNum,
    extNum: row.extNum,
    ivrUrl: row.ivrUrl,
    ivrText: open(row.ivrText),
  };
}

/** An attempt as the adapter needs it to ask or act; null while its provider's id is not known. */
export function placedCall(attempt: {
  callId: string;
  number: number;
  providerCallId: string | null;
  providerJobId: string | null;
  sent: Date;
}): PlacedCall | null {
  const { callId, number, providerCallId, providerJobId, sent } = attempt;
  return providerCallId === null ? null : { callId, attempt: number, providerCallId, providerJobId, sentAt: sent };
}
