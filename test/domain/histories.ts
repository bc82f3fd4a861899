import fc from "fast-check";
import { type CloseType, closeTypes, type HangupCause, hangupCauses } from "../../channels/contract.ts";
import { type Fact, type FactKind, type FactValue, fact } from "../../src/domain/fact.ts";

const start = Date.UTC(2026, 10, 21, 2, 0, 0);

const legKinds = ["calling", "ringing", "answered"] as const;
const ownKinds = ["sent", "placed", "refused", "unknown", "absent"] as const;
const wholeCallKinds = ["queued", "hangup-asked", "exhausted", "given-up", "finalized"] as const;
const otherKinds = ["connected", "ended", "cdr", "recording", "cost", "unrecognized"] as const;

const at = fc.integer({ min: 0, max: 40 }).map((seconds) => start + seconds * 1000);
const attempt = fc.integer({ min: 1, max: 3 });
const chState = fc.option(fc.constantFrom("S1", "S2", "S3"), { nil: undefined });

function factValue(kind: FactKind, pick: number, closeType: CloseType, cause: HangupCause): FactValue {
  switch (kind) {
    case "sent":
      return { lineId: pick, channel: "fake", shownNumber: null, live: pick % 2 === 0 ? "reliable" : "lossy" };
    case "placed":
      return { providerCallId: `p${pick}`, providerJobId: null };
    case "refused":
    case "unknown":
      return { errorKind: "refused", errorCause: pick % 3 === 0 ? "number" : "server", raw: `E${pick}` };
    case "ended":
      return { closeType, cause, raw: `c${pick}` };
    case "recording":
      return { recordingRef: `r${pick}`, durationSeconds: pick, sizeBytes: pick * 100 };
    case "cost":
      return { amount: `0.${pick}`, currency: "CNY" };
    case "unrecognized":
      return { raw: `u${pick}` };
    default:
      return {};
  }
}

const told: fc.Arbitrary<Fact> = fc
  .record({
    kind: fc.constantFrom<FactKind>(...legKinds, ...legKinds, ...otherKinds, ...ownKinds),
    leg: fc.constantFrom("a" as const, "b" as const),
    attempt,
    at,
    authority: fc.constantFrom(0, 1, 2, 3, 4).map((level) => level as Fact["authority"]),
    pick: fc.integer({ min: 0, max: 9 }),
    closeType: fc.constantFrom(...closeTypes),
    cause: fc.constantFrom(...hangupCauses),
    chState,
  })
  .map((one) => {
    const value = factValue(one.kind, one.pick, one.closeType, one.cause);
    if (one.chState !== undefined) value.chState = one.chState;
    const leg = (legKinds as readonly string[]).includes(one.kind) ? one.leg : null;
    return fact({ attempt: one.attempt, kind: one.kind, leg, at: one.at, authority: one.authority, value });
  });

const ofWholeCall: fc.Arbitrary<Fact> = fc
  .record({ kind: fc.constantFrom<FactKind>(...wholeCallKinds), at })
  .map(({ kind, at: time }) => {
    const value = kind === "queued" ? { until: time + 30_000 } : {};
    return fact({ attempt: 0, kind, leg: null, at: time, authority: 0, value });
  });

/** Facts of one call as no well-behaved provider would tell them: every kind, both legs, three attempts, more ends. */
export const history: fc.Arbitrary<Fact[]> = fc
  .tuple(fc.array(told, { minLength: 1, maxLength: 24 }), fc.array(ofWholeCall, { maxLength: 2 }))
  .map(([some, whole]) => [...some, ...whole]);

/** The same facts in another order, some of them told again, cut into batches. */
export function retold(facts: readonly Fact[], random: () => number): Fact[][] {
  const again = facts.filter(() => random() < 0.4);
  const all = [...facts, ...again];
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other] as Fact, all[last] as Fact];
  }
  const batches: Fact[][] = [];
  while (all.length > 0) batches.push(all.splice(0, 1 + Math.floor(random() * 5)));
  return batches;
}
