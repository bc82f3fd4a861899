/** Pure: messages as described, read as events. */
import { type CallEvent, type CallRef, ChannelError, type Delivery, type Leg } from "../contract.ts";
import type { CustomConfig } from "./config.ts";
import { type Format, listAt, type Node, parseDocument, textAt } from "./document.ts";
import type { Happening, Message } from "./form.ts";
import { isUnset, openTimes } from "./time.ts";
import { readUserData } from "./values.ts";
import { isCode } from "./wire.ts";

export const pushKind = "push";
/** The kind of a delivery that answers our question. */
export const stateKind = "state";

interface Reading {
  message: Message;
  format: Format;
  root: string;
  /** What its times are worth before the provider's last word. */
  authority: 2 | 3;
}

export function createNormalize(config: CustomConfig): (delivery: Delivery) => CallEvent[] {
  const { push, follow } = config;
  const times = openTimes(config.times);
  const readings: Record<string, Reading | undefined> = {
    [pushKind]: push && { ...push, message: push.message ?? config.message, authority: 3 },
    [stateKind]: follow && {
      root: follow.root,
      message: follow.message ?? config.message,
      format: follow.answer.format,
      authority: 2,
    },
  };

  return ({ kind, body, about = {} }) => {
    const reading = readings[kind];
    if (reading === undefined) throw malformed();
    const found = listAt(parseDocument(reading.format, body), reading.root);
    if (found.length === 0) throw malformed();
    return found.flatMap((node) => readMessage(reading, node, about, times.read));
  };
}

type ReadTime = (text: string) => Date | null;

function readMessage(reading: Reading, node: Node, about: Record<string, string>, readTime: ReadTime): CallEvent[] {
  const { message } = reading;
  const ref = refOf(message, node, about);
  if (ref === null) throw malformed();
  const state = stateOf(message, node);
  const told = state !== null && Object.hasOwn(message.states, state) ? message.states[state] : undefined;
  const final = told?.includes("cdr") ?? false;
  const timeAt = (path: string | undefined): Pick<CallEvent, "at" | "authority"> => {
    const at = readTime(textAt(node, path) ?? "");
    return { at, authority: at === null ? 1 : final ? 4 : reading.authority };
  };
  const base = { ref, chState: word(state ?? "none") };
  const when = timeAt(message.time);
  const unrecognized = (raw: string): CallEvent => ({ ...base, ...when, kind: "unrecognized", raw });

  const events: CallEvent[] = [];
  const timed = Object.entries(message.times) as [Happening, string][];
  const come = timed.filter(([, path]) => !isUnset(textAt(node, path) ?? ""));
  const happened = new Map([
    ...(told ?? []).filter((one) => one !== "cdr").map((one) => [one, when] as const),
    ...come.map(([one, path]) => [one, timeAt(path)] as const),
  ]);
  const end = endOf(message, node, state);
  for (const [happening, time] of happened) {
    if (happening === "ended") events.push({ ...base, ...time, kind: "ended", ...end.told });
    else events.push({ ...base, ...time, ...wordsOf(happening) });
  }
  if (happened.has("ended") && !end.known) events.push(unrecognized(end.told.raw));
  for (const [happening, path] of come) if (timeAt(path).at === null) events.push(unrecognized(`time ${happening}`));
  if (told === undefined && state !== null) events.push(unrecognized(word(state)));
  const last = happened.get("ended") ?? when;
  const recording = recordingOf(message, node);
  if (recording !== null) events.push({ ...base, ...last, kind: "recording", ...recording });
  if (final) events.push({ ...base, ...last, kind: "cdr" });
  if (events.length === 0 && told === undefined) events.push(unrecognized("nothing"));
  return events;
}

function wordsOf(happening: Exclude<Happening, "ended">) {
  if (happening === "connected") return { kind: happening } as const;
  const [kind, leg] = happening.split(" ") as ["calling" | "ringing" | "answered", Leg];
  return { kind, leg } as const;
}

function stateOf(message: Message, node: Node): string | null {
  const parts = message.state.flatMap((path) => textAt(node, path) ?? []);
  return parts.length === 0 ? null : parts.join(".");
}

/** A code that nobody knows still ends the call; beside it stands what was not understood. */
function endOf(message: Message, node: Node, state: string | null) {
  const code = (message.end === undefined ? state : textAt(node, message.end)) ?? "none";
  const known = Object.hasOwn(message.ends, code) ? message.ends[code] : undefined;
  const told = known ?? { closeType: 255, cause: "NETWORK_ERROR" };
  return { known: known !== undefined, told: { ...told, raw: word(code) } as const };
}

function recordingOf(message: Message, node: Node): { recordingRef: string; durationSeconds?: number } | null {
  const url = textAt(node, message.recording);
  if (url === null || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return null;
  const seconds = Number(textAt(node, message.recordingSeconds) ?? Number.NaN);
  return { recordingRef: url, ...(seconds >= 0 && { durationSeconds: seconds }) };
}

/** null where a message names no call at all. What was asked about is known where the answer does not repeat it. */
function refOf(message: Message, node: Node, about: Record<string, string>): CallRef | null {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return null;
  const ours = readUserData(textAt(node, message.userData) ?? about.userData ?? null);
  const providerCallId = textAt(node, message.callId) ?? about.providerCallId ?? null;
  const [agent, customer] = [textAt(node, message.agent), textAt(node, message.customer)];
  if (ours === null && providerCallId === null) {
    return agent === null || customer === null ? null : { legs: { agent, customer } };
  }
  return { ...ours, ...(providerCallId !== null && { providerCallId: providerCallId.slice(0, 64) }) };
}

/** Only what looks like a word or a short number is repeated: a phone number may hide in anything else. */
function word(text: string): string {
  return isCode(text) ? text : "other";
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
