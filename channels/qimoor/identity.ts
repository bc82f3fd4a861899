/**
 * What names a call here. The provider gives no id: ours, sent as ActionID, is in every event, but not known to be in a
 * record; there agent, customer and time have to do, so the placement keeps the agent and a keyed hash of the customer.
 */
import { createHmac } from "node:crypto";

export interface Named {
  callId: string;
  attempt: number;
  /** A recording was wished for. */
  record: boolean;
}

const actionForm = /^(call_\d{8}_[a-z0-9]{16})\.([1-9]\d{0,3})(\.r)?$/;

/** At most 37 of the 40 bytes that an ActionID may have. */
export function writeActionId({ callId, attempt, record }: Named): string {
  return `${callId}.${attempt}${record ? ".r" : ""}`;
}

export function readActionId(text: string | undefined): Named | null {
  const [, callId, attempt, record] = actionForm.exec(text ?? "") ?? [];
  return callId === undefined ? null : { callId, attempt: Number(attempt), record: record !== undefined };
}

/** `<agent>.<hash>`: the placement's job id, which stands in plain columns. */
export function jobOf(agent: string, customer: string, apiSecret: string): string {
  // Exchanges put zeros before numbers of other towns.
  const digits = customer.replace(/\D/g, "").replace(/^0+/, "");
  return `${agent}.${createHmac("sha256", apiSecret).update(`job ${digits}`).digest("hex").slice(0, 16)}`;
}

export function agentOf(job: string | null): string | null {
  return /^([0-9A-Za-z]{1,8})\./.exec(job ?? "")?.[1] ?? null;
}
