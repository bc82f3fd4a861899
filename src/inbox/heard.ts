import type { RecordChange } from "../calls/context.ts";
import type { HeardOf } from "../health/health.ts";
import type { Told } from "./undialed.ts";

/** What a batch tells of lines: each attempt once. */
export function heardOf(matched: readonly Told[], changes: readonly RecordChange[]): HeardOf[] {
  const changed = new Map(changes.map((one) => [one.callId, one]));
  const attempts = new Map<string, HeardOf>();
  for (const { delivery, event, match } of matched) {
    const { callId, number, lineId, sent } = match;
    const received = delivery.received.getTime();
    const heard = attempts.get(`${callId}.${number}`) ?? {
      callId,
      number,
      lineId,
      sent,
      received,
      pushed: false,
      rang: null,
      answered: null,
    };
    heard.pushed ||= delivery.pushed;
    if (event.kind === "ringing" && event.leg === "a") heard.rang ??= (event.at ?? delivery.received).getTime();
    const change = changed.get(callId);
    if (event.kind === "ended" && change?.ended) heard.answered = change.status === "ended";
    attempts.set(`${callId}.${number}`, heard);
  }
  return [...attempts.values()];
}
