/** What the table of all providers needs of each: a line, its far side in virtual time, and what it cannot tell. */
import type { ChannelDefinition, ToldField } from "../../channels/contract.ts";
import type { TestService } from "../service.ts";
import type { VirtualTime } from "../time.ts";

/** Of each the customer's last digit, which every far side obeys; null for what only a script brings about. */
export const endings = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  "a-busy": 3,
  "b-busy": 4,
  "b-declined": 5,
  "a-declined": null,
  /** Vacant: no such number. Malformed: no number at all. */
  "b-vacant": null,
  "b-malformed": null,
  /** A leg fails, and nobody says why. */
  "a-failed": null,
  "b-failed": null,
  /** After the two have talked; where this is told, the others' `answered` is that B does. */
  "a-hangs-up": null,
  "max-duration": null,
  /** The provider itself could not. */
  "server-error": null,
} as const;
export type Ending = keyof typeof endings;
export const all = Object.keys(endings) as Ending[];
export const talked: readonly Ending[] = ["answered", "a-hangs-up", "max-duration"];

export interface Provider {
  name: string;
  precisionMs: number;
  /** Those that it has a word of its own for. */
  endings: readonly Ending[];
  /** The calls to this customer end so, whatever the number's last digit says. */
  script(customer: string, ending: Ending, talkSeconds: number): void;
  /** What no message of its tells, by the record's names: always empty, whatever happened. */
  cannotKnow: readonly string[];
  /** What it does not tell and its adapter infers, by the record's names: there, and marked as estimated. */
  infers: Readonly<Record<string, string>>;
  lineId: number;
  /** Where agents have an id at the provider: that of the agent of the test's nth call. */
  seatOf?: (n: number) => string;
  /** The end of the calls to this customer is played, and never pushed. */
  losesEnd?: (customer: string) => void;
  stop(): Promise<void>;
}

/** What every one of them has a word for. */
export const common = ["answered", "a-no-answer", "b-no-answer"] as const;

/** What lies with a person or a number, each told from the others. */
export const personal = ["a-busy", "b-busy", "a-declined", "b-declined", "b-vacant", "b-malformed"] as const;

/** The fact behind a field, as `estimated` names it. */
const factNames: Partial<Record<ToldField, string>> = { aOffhookTime: "a.answered" };

/** What a channel declares of what it can tell. */
export function told(
  definition: ChannelDefinition,
  providerConfig: object,
): Pick<Provider, "precisionMs" | "cannotKnow" | "infers"> {
  const config = definition.config.parse(providerConfig);
  const inferred = definition.infers?.(config) ?? [];
  return {
    precisionMs: definition.precisionMs,
    cannotKnow: definition.cannotKnow?.(config) ?? [],
    infers: Object.fromEntries(inferred.map((name) => [name, factNames[name] ?? name])),
  };
}

interface Scripted<Word> {
  script(customer: string, script: { ending: Word; talkSeconds: number }): void;
}

/** `alike`: endings that the far side's script calls as the table does; `others`: what it calls the others. */
export function plays<Word extends string>(
  far: Scripted<Word>,
  alike: readonly (Ending & Word)[],
  others: Partial<Record<Ending, Word>> = {},
): Pick<Provider, "endings" | "script"> {
  const words = new Map<Ending, Word>(alike.map((name) => [name, name]));
  for (const ending of all) {
    const word = others[ending];
    if (word !== undefined) words.set(ending, word);
  }
  return {
    endings: [...words.keys()],
    script(customer, ending, talkSeconds) {
      const word = words.get(ending);
      if (word === undefined) throw new Error(`no word for ${ending}`);
      far.script(customer, { ending: word, talkSeconds });
    },
  };
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
