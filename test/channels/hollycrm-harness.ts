/** The suite's view of `hollycrm`: what of it is known, and a far side that speaks so. */
import { randomUUID } from "node:crypto";
import type { ChannelDefinition } from "../../channels/contract.ts";
import { type CustomProvider, type Script, startCustomProvider } from "../../channels/custom/fake.ts";
import { hollycrm } from "../../channels/custom/hollycrm.ts";
import { systemClock } from "../../src/clock.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { guardedFetch } from "../../src/guard/fetch.ts";
import { createGuard } from "../../src/guard/guard.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Harness, phone } from "./harness.ts";

const account = "N000001";
const secret = "secret-of-the-app";
const otherSecret = "another-secret-altogether";
/** A call of 15 s in 0.3 s. */
const speed = 50;

const digits: Partial<Record<Ending, number>> = { answered: 0, refused: 6, "lost-answer": 7, "server-error": 8 };

export interface HollycrmHarness extends Harness {
  far: CustomProvider;
  config: Record<string, unknown>;
  scripted(script: Script): ReturnType<typeof orderTo>;
}

export async function startHollycrmHarness(): Promise<HollycrmHarness> {
  const far = await startCustomProvider({
    dialect: "hollycrm",
    speed,
    accounts: { [account]: { secret, pushSecret: secret } },
  });
  const config = { confirmed: true, baseUrl: far.url, tokenUrl: far.url, account, appId: "app", secret };
  const guard = createGuard({ clock: systemClock(), allowed: [readNetwork("127.0.0.1"), readNetwork("::1")] });
  let made = 0;
  const make = (digit: number, script: Script, wish: { notifyUrl: string; record: boolean }) => {
    made += 1;
    const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digit}`);
    far.script(customer.reveal(), script);
    const order = orderTo(customer, made, { ...wish, maxDurationSeconds: 3_600 });
    return { ...order, agent: { phone: null, seat: "8001" } };
  };
  return {
    far,
    definition: hollycrm as ChannelDefinition,
    config,
    wrongConfig: { ...config, secret: otherSecret },
    // As the service sends to addresses from outside. Bun's own would repeat a GET whose kept connection closes.
    tools: { fetch: guardedFetch(guard), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      const digit = digits[ending];
      return digit === undefined ? null : make(digit, {}, wish);
    },
    scripted: (script) => make(0, script, { notifyUrl: "http://127.0.0.1:9/", record: false }),
    isPlacing: (request) => new URL(request.url).pathname === "/commonInte",
    secrets: [secret, otherSecret],
    fixtures: [],
    unknownMessages: [],
    tells: [],
    lookup: "none",
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
