/** What is read alike in events and records: times, numbers, and which call they are of. */
import { z } from "zod";
import { type CallRef, ChannelError } from "../contract.ts";

const text = z.union([z.string(), z.number()]).transform(String).nullish();

export { text as looseText };

/** Epoch milliseconds or ISO 8601, either as a string or a number; null for what has not happened. */
export const looseTime = text.transform((written) => {
  const unset = written == null || /^(0*|null)$/.test(written);
  return unset ? null : timeOf(written);
});

/** null for what is no time. */
function timeOf(written: string): Date | null {
  if (/^\d{12,14}$/.test(written)) return new Date(Number(written));
  // Without a zone it would be read in the server's own.
  if (!/^\d{4}-\d\d-\d\dT[\d:.]{5,16}(Z|[+-]\d\d:?\d\d)$/.test(written)) return null;
  const ms = Date.parse(written);
  return Number.isNaN(ms) ? null : new Date(ms);
}

/** The tags of a call, as the requirements write them: JSON. At most 128 bytes. */
export function writeTags({ callId, attempt }: { callId: string; attempt: number }): string {
  return JSON.stringify({ callId, attempt });
}

const tagsForm = z.object({
  callId: z.string().regex(/^call_\d{8}_[a-z0-9]{16}$/),
  attempt: z.int().min(1).max(9_999),
});

/** null for what is not of our writing. */
export function readTags(tags: string | null | undefined): { callId: string; attempt: number } | null {
  return tagsForm.safeParse(parseJson(tags ?? "")).data ?? null;
}

export interface Named {
  contactId?: string | null | undefined;
  tags?: string | null | undefined;
}

/** That the tags come back is written nowhere. Without them the contact id names the call. */
export function refOf({ contactId, tags }: Named): CallRef {
  return { ...readTags(tags), ...(contactId ? { providerCallId: contactId, providerJobId: contactId } : {}) };
}

/** Undefined for what is no JSON. */
export function parseJson(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return undefined;
  }
}

export function digitsOf(number: string | null | undefined): string {
  return (number ?? "").replace(/\D/g, "").replace(/^(00)?86(?=1\d{10}$|0)/, "");
}

export function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
