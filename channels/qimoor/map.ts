/** Pure: the provider's events, web call results and records, read as events. */
import {
  type CallEvent,
  type CallRef,
  ChannelError,
  type CloseType,
  type Delivery,
  type HangupCause,
} from "../contract.ts";
import type { QimoorConfig } from "./config.ts";
import { jobOf, type Named, readActionId } from "./identity.ts";
import { wallTime } from "./wire.ts";

/** By name in lower case, without underscores: events and records write them differently. */
export type Fields = ReadonlyMap<string, string>;

export const bodyBytesMax = 16 * 1024;

/** `State`; whom an unanswered call failed to reach is another field's word. Nothing tells busy from declined. */
const endings: Record<string, readonly [CloseType, HangupCause] | "unanswered"> = {
  dealing: [0, "NORMAL_CLEARING"],
  notdeal: "unanswered",
  leak: "unanswered",
  queueleak: "unanswered",
  voicemail: [2, "NO_ANSWER"],
  blacklist: [6, "NETWORK_ERROR"],
  limit: [6, "NETWORK_ERROR"],
};
/** `Message` of a web call's result, as one client's table has it; 4 is an answer. */
const webcallEndings: Record<string, readonly [CloseType, HangupCause]> = {
  "3": [1, "NO_ANSWER"],
  "0": [1, "NETWORK_ERROR"],
  "8": [1, "NETWORK_ERROR"],
  // "Usually the balance."
  "5": [6, "NETWORK_ERROR"],
};
const unset = new Set(["", "undefined", "null"]);

export function fieldsOf(entries: Iterable<readonly [string, string]>): Fields {
  const plain = [...entries].map(([name, value]) => [name.toLowerCase().replaceAll("_", ""), value.trim()] as const);
  return new Map(plain.filter(([, value]) => !unset.has(value)));
}

/** Parameters, of a query or a form, or an object of JSON; null for anything larger than they get. */
export function readFields(body: Uint8Array): Fields | null {
  if (body.byteLength > bodyBytesMax) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body).trim();
    if (!text.startsWith("{")) return fieldsOf(new URLSearchParams(text));
    const entries = Object.entries(JSON.parse(text)).filter(([, value]) => /^(string|number)$/.test(typeof value));
    return fieldsOf(entries.map(([name, value]) => [name, String(value)]));
  } catch {
    return null;
  }
}

export function openReader({ mode, apiSecret }: Pick<QimoorConfig, "mode" | "apiSecret">) {
  return function normalize(delivery: Delivery): CallEvent[] {
    const fields = readFields(delivery.body);
    if (fields === null) throw malformed();
    const actionId = delivery.about?.actionId ?? fields.get("actionid") ?? fields.get("webcallactionid");
    const named = readActionId(actionId);
    const ref = refOf(fields, named, actionId);
    if (ref === null) throw malformed();
    const base: Base = { ref, at: null, authority: 1 };
    if (delivery.kind === "record") return readRecord(fields, base, named);
    const state = fields.get("callstate");
    if (state === undefined) return readWebcall(fields, base);
    // Calls of which we know nothing: people call in, and agents dial by hand.
    const type = fields.get("calltype") ?? "dialout";
    const isPlaced = type.toLowerCase() === "dialout" || (mode === "webcall" && named !== null);
    if (!isPlaced) return [{ ...base, kind: "unrecognized", raw: `type ${word(type)}` }];
    return readEvent(fields, { ...base, chState: word(state) }, state.toLowerCase(), named);
  };

  function refOf(fields: Fields, named: Named | null, actionId: string | undefined): CallRef | null {
    const [sheet, agent, customer] = [fields.get("callsheetid"), fields.get("agent"), fields.get("calledno")];
    if (named === null || actionId === undefined) return sheet === undefined ? null : { providerCallId: sheet };
    const ref = { callId: named.callId, attempt: named.attempt, providerCallId: actionId };
    // So that a call whose answer was lost can be hung up and looked for.
    const job = mode === "dialout" && agent && customer ? jobOf(agent, customer, apiSecret) : undefined;
    return job === undefined ? ref : { ...ref, providerJobId: job };
  }

  function readEvent(fields: Fields, base: Base, state: string, named: Named | null): CallEvent[] {
    const [ring, ringing, begin] = ["ring", "ringingdate", "begin"].map((name) => timed(base, fields, name, 3));
    if (state === "ring") return [begun(ring ?? base)];
    if (state === "ringing" && mode === "dialout") return bRings(ringing ?? base);
    // Of a web call nobody says whose phone it is.
    if (state === "ringing") return [{ ...base, kind: "unrecognized", raw: "webcall ringing" }];
    if (state === "link") return [{ ...(begin ?? base), kind: "answered", leg: "b" }];
    if (state === "hangup" || state === "unlink") return readHangup(fields, base, named);
    return [{ ...base, kind: "unrecognized", raw: word(state) }];
  }

  /** A call enters the system when its agent is dialed; a web call when its first phone, the agent's, has answered. */
  function begun(ring: Base): CallEvent {
    if (mode === "dialout") return { ...ring, kind: "calling", leg: "a" };
    return { ...ring, authority: 1, kind: "answered", leg: "a" };
  }

  /** The last event has all times, and nothing better comes after it. */
  function readHangup(fields: Fields, base: Base, named: Named | null): CallEvent[] {
    const told = (name: string) => timed(base, fields, name, 4);
    const [ring, ringing, begin, end] = [told("ring"), told("ringingdate"), told("begin"), told("end")];
    const events: CallEvent[] = ring.at ? [begun(ring)] : [];
    const isWebcall = mode === "webcall";
    if (ringing.at && !isWebcall) events.push(...bRings(ringing));
    else if (begin.at && !isWebcall) events.push({ ...begin, authority: 1, kind: "answered", leg: "a" });
    if (begin.at) events.push({ ...begin, kind: "answered", leg: "b" });
    const unanswered = isWebcall || ringing.at !== null ? 2 : 1;
    events.push(...readEnd(end, fields.get("state") ?? "", unanswered), ...readRecording(end, fields, named));
    return [...events, { ...end, kind: "cdr" }];
  }
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** The customer's phone rings: so the agent has answered. */
function bRings(ringing: Base): CallEvent[] {
  return [
    { ...ringing, authority: 1, kind: "answered", leg: "a" },
    { ...ringing, kind: "ringing", leg: "b" },
  ];
}

/** Asked for: it does not tell whose phone rang, so what it says of an unanswered call yields to the event. */
function readRecord(fields: Fields, whole: Base, named: Named | null): CallEvent[] {
  const base = { ...whole, chState: "record" };
  const told = (name: string) => timed(base, fields, name, 4);
  const [offered, begin, end] = [told("offeringtime"), told("begintime"), told("endtime")];
  const status = fields.get("status");
  if (status === undefined) throw malformed();
  const events: CallEvent[] = offered.at ? [{ ...offered, kind: "calling", leg: "a" }] : [];
  if (begin.at) {
    events.push({ ...begin, authority: 1, kind: "answered", leg: "a" }, { ...begin, kind: "answered", leg: "b" });
  }
  const ending: Base = begin.at === null && end.at !== null ? { ...end, authority: 3 } : end;
  return [...events, ...readEnd(ending, status, 2), ...readRecording(end, fields, named), { ...end, kind: "cdr" }];
}

/** Of the first phone, which is the agent's; without a time. */
function readWebcall(fields: Fields, whole: Base): CallEvent[] {
  const code = fields.get("message");
  if (code === undefined) throw malformed();
  const base = { ...whole, chState: `webcall-${word(code)}` };
  if (code === "4") return [{ ...base, kind: "answered", leg: "a" }];
  const known = Object.hasOwn(webcallEndings, code) ? webcallEndings[code] : undefined;
  if (!known) return [{ ...base, kind: "unrecognized", raw: `webcall ${word(code)}` }];
  return [{ ...base, kind: "ended", closeType: known[0], cause: known[1], raw: code }];
}

function readEnd(base: Base, state: string, unanswered: 1 | 2): CallEvent[] {
  const lower = state.toLowerCase();
  const known = Object.hasOwn(endings, lower) ? endings[lower] : undefined;
  const [closeType, cause] = known === "unanswered" ? ([unanswered, "NO_ANSWER"] as const) : (known ?? other);
  const end: CallEvent = { ...base, kind: "ended", closeType, cause, raw: word(state) };
  return known ? [end] : [end, { ...base, kind: "unrecognized", raw: `state ${word(state)}` }];
}
const other = [255, "NETWORK_ERROR"] as const;

/** The account records all or nothing: a recording counts where it was wished for. */
function readRecording(base: Base, fields: Fields, named: Named | null): CallEvent[] {
  const [server, file] = [fields.get("fileserver"), fields.get("recordfile") ?? fields.get("recordfilename")];
  if (!named?.record || file === undefined) return [];
  const url = server === undefined ? file : `${server.replace(/\/+$/, "")}/${file.replace(/^\/+/, "")}`;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return [{ ...base, kind: "unrecognized", raw: "RecordFile" }];
  return [{ ...base, kind: "recording", recordingRef: url }];
}

function timed(base: Base, fields: Fields, name: string, authority: 3 | 4): Base {
  const at = wallTime.read(fields.get(name) ?? "");
  return at === null ? base : { ...base, at, authority };
}

/** Only what looks like a word or a short number is repeated: a phone number may hide in anything else. */
function word(text: string): string {
  return /^([a-z][a-z_-]{0,31}|\d{1,4})$/i.test(text) ? text : "other";
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
