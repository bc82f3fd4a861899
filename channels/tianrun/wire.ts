/** What both flavors have in common: what can be asked, and how an answer is read. */
import type { z } from "zod";
import type { ChannelTools } from "../contract.ts";
import { type Answer, open } from "../kit/http.ts";
import { garbled, notFound } from "./codes.ts";

export interface Callout {
  cno: string;
  /** National: mobiles as they are, landlines with their 0. */
  customer: string;
  /** The agent's mobile, in place of the phone bound to it. */
  bindTel: string | null;
  shown: string | null;
  agentSeconds: number;
  customerSeconds: number;
  requestId: string;
  /** Text that comes back in records and pushes. */
  userField: string;
}

/** An agent's running call: what can be done to it. All of it names the agent, none the call. */
export type AgentAct =
  | { act: "cancel" | "unlink" | "hold" | "unhold" }
  | { act: "transfer"; to: string; isSeat: boolean };

export interface Api {
  callout(call: Callout, signal: AbortSignal): Promise<void>;
  /** The records of calls with this request id, as they came; running calls have none. */
  records(requestId: string, since: Date, signal: AbortSignal): Promise<unknown[]>;
  agent(cno: string, act: AgentAct, signal: AbortSignal): Promise<void>;
  /** Where a recording lies for an hour or two. */
  recordingUrl(ref: string, signal: AbortSignal): Promise<string>;
}

/** A number of few digits, or a word: in a sentence or a long number somebody's number may hide. */
const codeForm = /^(\d{1,6}|[A-Za-z][\w.-]{0,63})$/;
const backMs = 86_400_000;

/** Around a call's time, of seconds: once the month has changed it is not found without. */
export function spanOf(since: Date, now: Date): { startTime: string; endTime: string } {
  return { startTime: seconds(since.getTime() - backMs), endTime: seconds(now.getTime() + backMs) };
}

/** The address came in the provider's own answer. */
export async function openSound(url: string, fetch: ChannelTools["fetch"], signal: AbortSignal) {
  const answer = await open(fetch, { method: "GET", url }, signal);
  const isText = /json|xml|text/i.test(answer.headers.get("content-type") ?? "");
  if (answer.status === 200 && !isText) return answer.body;
  await answer.body.cancel();
  throw answer.status === 404 ? notFound("http-404") : garbled(`http-${answer.status}`);
}

export function seconds(ms: number): string {
  return String(Math.floor(ms / 1_000));
}

export function formed<T>(form: z.ZodType<T>, value: unknown): T {
  const result = form.safeParse(value);
  if (!result.success) throw garbled("form");
  return result.data;
}

/** A provider's code, or null for what looks like a sentence, in which a number may hide. */
export function word(code: string | number | null | undefined): string | null {
  return code != null && codeForm.test(String(code)) ? String(code) : null;
}

export function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text());
  } catch {
    return null;
  }
}
