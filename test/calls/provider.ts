/** What the table of all providers needs of each: a line, its far side in virtual time, and what it cannot tell. */
import type { TestService } from "../service.ts";
import type { VirtualTime } from "../time.ts";

/** By the customer's last digit, which every far side obeys. */
export const endings = { answered: 0, "a-no-answer": 1, "b-no-answer": 2, "a-busy": 3, "b-busy": 4 } as const;
export type Ending = keyof typeof endings;
export const all = Object.keys(endings) as Ending[];

export interface Provider {
  name: string;
  precisionMs: number;
  /** Those that it has a word of its own for. */
  endings: readonly Ending[];
  /** What no message of its tells, by the record's names: always empty, whatever happened. */
  cannotKnow: readonly string[];
  /** What it does not tell and its adapter infers, by the record's names: there, and marked as estimated. */
  infers?: Readonly<Record<string, string>>;
  lineId: number;
  /** Where agents have an id at the provider: that of the agent of the test's nth call. */
  seatOf?: (n: number) => string;
  /** The end of the calls to this customer is played, and never pushed. */
  losesEnd?: (customer: string) => void;
  stop(): Promise<void>;
}

export type Start = (on: TestService, time: VirtualTime) => Promise<Provider>;

interface NewLine {
  providerType: string;
  providerConfig: Record<string, unknown>;
  callerNumber?: null;
}

export async function newLine(on: TestService, line: NewLine): Promise<{ id: number; webhookUrl: string }> {
  const made = await on.ask("POST", "/api/v1/calls/lines", {
    body: { name: line.providerType, callerNumber: "95551", ...line },
  });
  if (made.status !== 201) throw new Error(`line not made: ${made.text}`);
  return (await on.ask("GET", `/api/v1/calls/lines/${made.body.id}`)).body;
}
