/** The names that templates may use, and what stands for them. */
import { type CallOrder, ChannelError, type ChannelTools, type PhoneNumber, type PlacedCall } from "../contract.ts";
import type { CustomConfig } from "./config.ts";
import type { Value, ValueOf } from "./template.ts";
import { openTimes } from "./time.ts";

/** Those of a line, in every request. */
export const lineNames = ["account", "secret", "timestamp", "nonce"];
export const orderNames = [
  "callId",
  "attempt",
  "userData",
  "agent",
  "seat",
  "customer",
  "displayNumber",
  "shownToAgent",
  "privacy",
  "record",
  "ringSeconds",
  "maxSeconds",
  "mainNum",
  "extNum",
  "ivrUrl",
  "ivrText",
  "notifyUrl",
];
export const callNames = ["callId", "attempt", "userData", "providerCallId", "providerJobId"];

const userDataForm = /(?<![a-z0-9_])(call_\d{8}_[a-z0-9]{16})\.([1-9]\d{0,3})(?!\d)/;

/** Our call id and attempt, as one word. */
export function userDataOf({ callId, attempt }: { callId: string; attempt: number }): string {
  return `${callId}.${attempt}`;
}

/** Wherever in the text: providers put words of their own around it. */
export function readUserData(text: string | null): { callId: string; attempt: number } | null {
  const [, callId, attempt] = userDataForm.exec(text ?? "") ?? [];
  return callId === undefined ? null : { callId, attempt: Number(attempt) };
}

export function lineValues(config: CustomConfig, tools: ChannelTools, token: string | null): ValueOf {
  const nonce = tools.randomId();
  const timestamp = openTimes(config.clock).write(tools.now());
  const known: Record<string, Value> = {
    account: config.account,
    secret: config.secret ?? null,
    timestamp,
    nonce,
    token,
  };
  return (name) => {
    if (name.startsWith("values.")) return config.values[name.slice("values.".length)];
    return Object.hasOwn(known, name) ? known[name] : undefined;
  };
}

export function orderValues(config: CustomConfig, order: CallOrder): Record<string, Value> {
  const { agent, customer, displayNumber, privacy } = order;
  const write = (number: PhoneNumber | null): string | null => {
    if (number === null) return null;
    if (config.numbers === "national") return number.national();
    return config.numbers === "e164" ? number.reveal() : number.reveal().replace(/^\+/, "");
  };
  return {
    callId: order.callId,
    attempt: order.attempt,
    userData: userDataOf(order),
    agent: write(agent.phone),
    seat: agent.seat,
    customer: write(customer),
    displayNumber: write(displayNumber),
    shownToAgent: write(privacy ? displayNumber : customer),
    privacy,
    record: order.record,
    ringSeconds: Math.ceil(order.ringTimeoutSeconds),
    maxSeconds: Math.ceil(order.maxDurationSeconds),
    mainNum: order.mainNum,
    extNum: order.extNum,
    ivrUrl: order.ivrUrl,
    ivrText: order.ivrText,
    notifyUrl: order.notifyUrl,
  };
}

/** What the request of this line needs and the order lacks is refused before anything leaves. */
export function refuseLacking(order: CallOrder, used: ReadonlySet<string>): void {
  const lacks = (cause: "agent" | "shown-number") => new ChannelError({ kind: "refused", effect: "none", cause });
  if (used.has("agent") && order.agent.phone === null) throw lacks("agent");
  if (used.has("seat") && !used.has("agent") && order.agent.seat === null) throw lacks("agent");
  // What A sees without a number of ours is the provider's choice, and may be the customer's.
  if (order.privacy && order.displayNumber === null) throw lacks("shown-number");
}

export function callValues(call: PlacedCall): Record<string, Value> {
  const { callId, attempt, providerCallId, providerJobId } = call;
  return { callId, attempt, userData: userDataOf(call), providerCallId, providerJobId };
}
