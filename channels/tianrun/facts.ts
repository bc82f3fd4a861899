/**
 * What a push or a record can tell, and under which names: enterprises choose their own for pushes. The usual ones come
 * first from hang-up pushes (`cdr_…`), then from ringing and connecting ones, then from the records that are asked for.
 */
export const usualNames = {
  requestId: ["cdr_request_unique_id", "requestUniqueId"],
  uniqueId: ["cdr_main_unique_id", "mainUniqueId", "cdr_unique_id", "uniqueId"],
  enterprise: ["cdr_enterprise_id", "enterpriseId"],
  userField: ["userField", "cdr_user_field"],
  start: ["cdr_start_time", "startTime"],
  agentAnswer: ["cdr_answer_time", "answerTime"],
  ringing: ["ringingTime"],
  customerRinging: ["customerRingingTime", "calleeRingingTime", "cdr_callee_ringing_time"],
  bridge: ["cdr_bridge_time", "bridgeTime"],
  end: ["cdr_end_time", "endTime"],
  status: ["statusCode", "cdr_status", "status"],
  sipCause: ["sipCause", "cdr_sip_cause"],
  endReason: ["cdr_end_reason", "endReason"],
  recordFile: ["cdr_record_file_1", "recordFile"],
} as const satisfies Record<string, readonly string[]>;

export type FactName = keyof typeof usualNames;
export const factNames = Object.keys(usualNames) as [FactName, ...FactName[]];
export type Names = Partial<Record<FactName, readonly string[]>>;
/** Every value as text; what is empty is left out. */
export type Facts = Partial<Record<FactName, string>>;

/** Null for what is no list of fields. */
export function factsOf(value: unknown, names: Names): Facts | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const facts: Facts = {};
  for (const name of factNames) {
    for (const field of names[name] ?? usualNames[name]) {
      const text = Object.hasOwn(value, field) ? textOf(Reflect.get(value, field), name) : "";
      if (text !== "" && facts[name] === undefined) facts[name] = text;
    }
  }
  return facts;
}

function textOf(value: unknown, name: FactName): string {
  if (typeof value === "string") return value.trim();
  if (typeof value === "number") return String(value);
  if (value === null || typeof value !== "object") return "";
  if (name === "userField") return JSON.stringify(value);
  // Of several files the first: that of the mixed sound.
  if (name === "recordFile" && Array.isArray(value)) return value.length === 0 ? "" : fileOf(value[0]);
  return "";
}

function fileOf(entry: unknown): string {
  if (typeof entry === "string") return entry.trim();
  const isNamed = typeof entry === "object" && entry !== null && "file" in entry && typeof entry.file === "string";
  return isNamed ? String(entry.file).trim() : "";
}

/** A body as JSON or as a form; null where it is neither. */
export function fieldsOf(body: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return null;
  }
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }
  return Object.fromEntries(new URLSearchParams(text));
}
