/** The far side of the `aliyun` channel: the call center's actions and events on a socket of its own. */
import { type Answer, page } from "../kit/far/answer.ts";
import { silentWav } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import { openFaults } from "../kit/far/wishes.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations, refuse } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";

export type { FarCall } from "./far/call.ts";
export { signatureOf } from "./far/door.ts";
export type { Script } from "./far/plan.ts";

/** What becomes of one request to an action, however right it is. */
export type Fault = "garbage" | "lost" | "throttled" | "unavailable";

export interface AliyunProviderOptions extends FarSideOptions {
  accounts?: Record<string, { secret: string; instances: readonly string[] }>;
  /** Where each instance has its events pushed. */
  subscriptions?: Record<string, string>;
  /** Headers of a push, for whoever signs it on its way. */
  headersFor?: (body: string) => Record<string, string>;
  cdrLateMs?: number;
  /** Whether messages and records repeat a call's tags, which the vendor does not say. */
  returnsTags?: boolean;
}

export interface AliyunProvider extends FarSide<FarCall, Script> {
  subscribe(instanceId: string, url: string): void;
  /** Happens to the next request of this action. */
  failNext(action: string, fault: Fault): void;
}

export async function startAliyunProvider(options: AliyunProviderOptions = {}): Promise<AliyunProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const { headersFor = () => ({}), cdrLateMs = 0, returnsTags = false } = options;
  const { failNext, nextFault } = openFaults<Fault>();
  const subscriptions = new Map(Object.entries(options.subscriptions ?? {}));
  const addressOf = ({ instanceId }: FarCall) => subscriptions.get(instanceId) ?? null;
  const calls = openCalls(far, { cdrLateMs, returnsTags, tell: openPusher(far, addressOf, headersFor) });
  const operations = openOperations(far, calls);
  const door = openDoor({ accounts: new Map(Object.entries(options.accounts ?? {})), now: far.now });

  far.serve((asked): Answer | Promise<Answer> => {
    if (asked.method === "GET" && asked.url.pathname.startsWith("/recordings/")) {
      return { status: 200, type: "audio/wav", body: silentWav() };
    }
    const admitted = door.admit(asked);
    if ("refusal" in admitted) {
      far.count("refused");
      return refuse(admitted.refusal, admitted.status, admitted.status);
    }
    const { action, query, instances } = admitted;
    far.count(action);
    const fault = nextFault(action);
    if (fault === "lost") return "lost";
    if (fault === "garbage") return page(200, "busy");
    if (fault === "throttled") return refuse("Throttling.User", 400, 400);
    if (fault === "unavailable") return refuse("ServiceUnavailable", 503, 503);
    const operation = operations.get(action);
    if (!operation) return refuse("InvalidAction.NotFound", 404, 404);
    const instanceId = query.InstanceId ?? "";
    return instances.includes(instanceId) ? operation(instanceId, query) : refuse("NotExists.InstanceId", 404, 404);
  });

  return Object.assign(far.side, {
    subscribe: (instanceId: string, url: string) => void subscriptions.set(instanceId, url),
    failNext,
  });
}
